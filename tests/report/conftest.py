import pytest
import report_records


@pytest.fixture
def paper(tmp_path):
    return report_records.make_paper(tmp_path)


@pytest.fixture
def trained(tmp_path):
    return report_records.make_trained(tmp_path)


@pytest.fixture
def messy(tmp_path):
    return report_records.make_messy(tmp_path)


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """Write the page of one of these folders once; return the folder and the page, which are only to be read."""
    from l0gm.report import read, write_page

    made = {}

    def page(name):
        if name not in made:
            at = tmp_path_factory.mktemp(name)
            folder = getattr(report_records, f"make_{name}")(at)
            title = report_records.NASTY if name == "messy" else None
            made[name] = folder, write_page(read(folder), at / "report.html", title)
        return made[name]

    return page
