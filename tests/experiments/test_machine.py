from l0gm.experiments.machine import caches, hardware, simd, versions_of


def cache(folder, index, level, kind, size):
    place = folder / f"index{index}"
    place.mkdir(parents=True)
    for name, text in (("level", level), ("type", kind), ("size", size)):
        (place / name).write_text(f"{text}\n")


def test_caches_by_name(tmp_path):
    cache(tmp_path, 0, "1", "Data", "32K")
    cache(tmp_path, 1, "1", "Instruction", "48K")
    cache(tmp_path, 2, "2", "Unified", "1024K")
    cache(tmp_path, 3, "3", "Unified", "32M")
    cache(tmp_path, 4, "four", "Odd", "many")
    assert caches(tmp_path) == {"L1d": 32 * 2**10, "L2": 2**20, "L3": 32 * 2**20}


def test_a_system_that_tells_nothing(tmp_path):
    assert caches(tmp_path / "none") == {}
    assert simd(tmp_path / "none") is None


def test_the_widest_vector_instructions(tmp_path):
    file = tmp_path / "cpuinfo"
    for flags, level in (
        ("sse4_2 avx avx2 fma avx512f avx512bw avx512dq avx512vl", "AVX-512"),
        ("sse4_2 avx avx2 fma avx512f", "AVX2"),
        ("sse4_2 avx", "AVX"),
        ("sse4_2", "SSE4.2"),
        ("fpu", None),
    ):
        file.write_text(f"processor\t: 0\nflags\t\t: fpu {flags}\n\nprocessor\t: 1\nflags\t\t: avx512f\n")
        assert simd(file) == level
    file.write_text("Features\t: fp asimd\n")
    assert simd(file) == "NEON"


def test_what_a_record_holds():
    known = hardware()
    assert known["cpu"]
    assert known["cores"] >= 1
    assert set(known) == {"cpu", "simd", "caches", "cores", "threads", "gpu"}
    assert list(versions_of("numpy", "no-such-package")) == ["numpy"]
