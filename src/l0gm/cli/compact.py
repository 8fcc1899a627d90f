"""``l0gm compact``: what compaction cut out of models, and whether their certificates still hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from l0gm.cli.output import columns, listed, note, print_json, share
from l0gm.errors import ParameterError

__all__ = ["EXAMPLES", "run"]

EXAMPLES = "\b\nExamples:\n  l0gm compact runs/adult\n  l0gm compact runs/adult/seed-0/model.l0gm --out income.l0gm"
FLOAT_BYTES = 4


def run(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A .l0gm file, or the folder of a run.", show_default=False)
    ],
    out: Annotated[Path | None, typer.Option(help="Copy the model here once its certificate has been checked.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON, one entry a model.")] = False,
) -> None:
    """Print what was cut out, and check it again.

    A model of tables is cut when it is saved: a .l0gm file never holds a closed dimension, and there is nothing
    left to cut. This command prints the plan that was carried out (fields and dimensions that stayed, parameters
    and bytes before and after), computes the certificate's rows again with this installation, and fails if an
    answer is off. With --out the file is copied after it has passed. PyTorch is not needed.
    """
    import shutil

    from l0gm.cli.models import facts, find_models
    from l0gm.files import replacing
    from l0gm.runtime import load

    paths = find_models(model)
    if out is not None and len(paths) > 1:
        raise ParameterError(f"--out {out}: {model} holds {len(paths)} models; name one of them, such as {paths[0]}")
    checked = []
    for path in paths:
        loaded = load(path)
        checked.append({**facts(loaded, path), "verified_difference": loaded.verify()})
    if out is not None:
        with replacing(out) as beside:
            shutil.copyfile(paths[0], beside)
    if as_json:
        print_json(checked)
    else:
        typer.echo("\n\n".join(map(_text, checked)))
    if out is not None:
        note(f"copied to {out}")


def _text(known: dict[str, Any]) -> str:
    before, after = known["n_parameters_gated"], known["n_parameters"]
    of_rows = known["kind"] == "rows"
    states = not of_rows and known["gate_at"] != "attributes"  # which belong to no attribute
    rows: list[tuple[object, ...]] = [("", "before", "after")]
    if before is not None:
        opened, fields = known["n_dimensions"], len(known["support"])
        rows += [
            ("dimensions", opened, known["n_open"]),
            *([] if states else [("fields" if of_rows else "attributes", fields, len(known["kept"]))]),
            ("parameters", f"{before:,}", f"{after:,}"),
            ("bytes of parameters", f"{before * FLOAT_BYTES:,}", f"{after * FLOAT_BYTES:,}"),
        ]
    rows.append(("bytes on disk", "", f"{known['bytes']:,}"))
    kept = [f"{name} {opened}" for name, opened in known["support"].items() if states or name in known["kept"]]
    lines = [known["path"], columns(rows, indent="  ")]
    if known["n_dimensions"]:
        lines.append(f"  open      {share(known['n_open'], known['n_dimensions'])}")
    most = len(known["support"]) if of_rows else 40
    lines.append(f"  kept      {listed(kept, most) or 'nothing'}")
    lines.append(f"  dropped   {listed(known['dropped'], most) or 'nothing'}")
    certificate = known["certificate"]
    lines.append(
        f"  verified  {certificate['n_rows']} {known['kind']} within {known['verified_difference']:.2g} of the gated "
        f"model ({certificate['tolerance']:g} allowed)"
    )
    return "\n".join(lines)
