"""Boosted trees as machine code: LightGBM's through lleaves, XGBoost's through tl2cgen and a C compiler."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from l0gm.experiments.bench.boosters import LightGBM, XGBoost
from l0gm.experiments.bench.contestant import Answer, LeftOutError, library

__all__ = ["LLeaves", "TL2cgen"]


class LLeaves(LightGBM):
    """LightGBM's trees compiled by lleaves; trained as :class:`LightGBM`, with the same seed to the same trees."""

    key = "lleaves"
    name = "LightGBM, compiled by lleaves"
    packages: ClassVar[tuple[str, ...]] = ("lleaves", "lightgbm")

    def learn(self, X: NDArray[Any], y: NDArray[np.int64], V: NDArray[Any], v: NDArray[np.int64]) -> None:
        """Fit the trees and compile them."""
        lleaves = library("lleaves", type(self))
        if self.n_classes > 2:
            raise LeftOutError("lleaves compiles two classes alone")
        super().learn(X, y, V, v)
        folder = _folder(self)
        file, code = folder / "model.txt", folder / "model.o"
        file.write_text(self.text)
        binding = library("llvmlite.binding", type(self))
        if not hasattr(binding, "PassManagerBuilder"):
            _object_file(file, code)
        with mock.patch.object(binding, "initialize"):  # newer ones do it by themselves, and refuse
            self.compiled = lleaves.Model(str(file))
            self.compiled.compile(cache=str(code))

    def predictor(self, threads: int) -> Answer:
        """Return what is timed."""
        predict = self.compiled.predict
        return lambda X: predict(X, n_jobs=threads)


class TL2cgen(XGBoost):
    """XGBoost's trees as C, thresholds replaced by ranks, compiled; trained as :class:`XGBoost`, to the same trees."""

    key = "tl2cgen"
    name = "XGBoost, compiled by tl2cgen"
    packages: ClassVar[tuple[str, ...]] = ("tl2cgen", "treelite", "xgboost")

    def learn(self, X: NDArray[Any], y: NDArray[np.int64], V: NDArray[Any], v: NDArray[np.int64]) -> None:
        """Fit the trees and compile them."""
        self.tl2cgen, treelite = library("tl2cgen", type(self)), library("treelite", type(self))
        if shutil.which("gcc") is None:
            raise LeftOutError("tl2cgen needs gcc, which is not installed")
        super().learn(X, y, V, v)
        folder = _folder(self)
        self.model.save_model(folder / "model.ubj")
        trees = treelite.frontend.load_xgboost_model(str(folder / "model.ubj"))
        self.code = folder / "model.so"
        self.tl2cgen.export_lib(
            trees, toolchain="gcc", libpath=str(self.code), params={"quantize": 1, "parallel_comp": 8},
            nthread=self.threads, options=["-O2"],
        )  # fmt: skip

    def predictor(self, threads: int) -> Answer:
        """Return what is timed; the library's own matrix is made in it, which takes a hundredth of the time."""
        predictor, matrix = self.tl2cgen.Predictor(str(self.code), nthread=threads), self.tl2cgen.DMatrix
        n_classes = self.n_classes

        def predict(X: NDArray[Any]) -> NDArray[Any]:
            answers: NDArray[Any] = predictor.predict(matrix(X))
            return answers.reshape(len(X), n_classes if n_classes > 2 else 1)

        return predict


def _folder(owner: object) -> Path:
    """Return a folder that is removed with its owner."""
    folder = tempfile.mkdtemp(prefix="l0gm-bench-")
    weakref.finalize(owner, shutil.rmtree, folder, True)
    return Path(folder)


def _object_file(file: Path, code: Path) -> None:
    """Compile LightGBM's model file as lleaves 1.3 does, with the passes that llvmlite has since 0.45.

    lleaves calls those that llvmlite had before; it takes the result as one that it had compiled earlier.
    """
    ir, llvm = library("llvmlite.ir", LLeaves), library("llvmlite.binding", LLeaves)
    forest = library("lleaves.compiler.ast", LLeaves).parse_to_ast(str(file))
    forest.raw_score = False
    module = ir.Module(name="forest")
    library("lleaves.compiler.codegen", LLeaves).gen_forest(forest, module, 34, "forest_root", True)
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module.triple = llvm.get_process_triple()
    parsed = llvm.parse_assembly(str(module))
    machine = llvm.Target.from_triple(module.triple).create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), reloc="pic", codemodel="large"
    )
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.inliner_threshold = 1
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(parsed, builder)
    code.write_bytes(machine.emit_object(parsed))
