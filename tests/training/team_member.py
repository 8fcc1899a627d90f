"""One of several processes that train one model; torchrun starts it. Arguments: a folder, whether to be interrupted."""

import sys
from pathlib import Path

import torch
from toy_training import model, problem

from l0gm.gates import HardConcreteGate, IdentityGate
from l0gm.training import Checkpoint, History, Trainer

torch.set_num_threads(1)
folder, gated = Path(sys.argv[1]), sys.argv[2] == "gated"
options = {"active": 0.3} if gated else {}
made = model(gate=HardConcreteGate(20) if gated else IdentityGate(20), seed=0)
trainer = Trainer(
    made,
    epochs=int(sys.argv[3]),
    batch_size=50,
    lr=0.02,
    seed=4,
    history=History(folder / "history.jsonl"),
    checkpoint=Checkpoint(folder / "checkpoint"),
    **options,
)
trainer.fit(*problem(n=201))
torch.save(made.state_dict(), folder / f"weights-{trainer.team.rank}.pt")
(folder / f"steps-{trainer.team.rank}").write_text(str(len(trainer.history.records)))
if trainer.team.size > 1:
    torch.distributed.destroy_process_group()
