"""The compiled part; everything else is in pyproject.toml. Where it cannot be built, l0gm works without it."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "l0gm.native._compiled",
            sources=["src/l0gm/native/module.c"],
            depends=["src/l0gm/native/kernel.h"],
            extra_compile_args=["-O3", "-ffp-contract=fast", "-Wno-psabi"],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
