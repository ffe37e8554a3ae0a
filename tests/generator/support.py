# SPDX-License-Identifier: MIT
#
# What the generator's tests share: a folder with .proto files, protoc with the plugin on them, the
# compilers on the result. The build passes the paths in the environment; the defaults are for a
# test that is run by hand.
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROTOC = os.environ.get('PROTOC', 'protoc')
PLUGIN = os.environ.get('PLUGIN', 'protoc-gen-ringrpc')

# What everything that the generator writes must bear, from both compilers.
WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Wconversion', '-Wold-style-cast',
            '-Werror']


def compilers():
    """g++ and the newest clang++, as far as they are installed."""
    newest_clang = [f'clang++-{version}' for version in range(30, 15, -1)] + ['clang++']
    found = [shutil.which('g++'), next(filter(None, map(shutil.which, newest_clang)), None)]
    return [path for path in found if path]


def is_clang(compiler):
    return 'clang' in os.path.basename(compiler)


def header_name(proto_name):
    return proto_name.removesuffix('.proto') + '.ringrpc.hpp'


class Run:
    """The end of a process: its exit code and all that it printed."""

    def __init__(self, command, cwd=None, env=None, stdin=None):
        done = subprocess.run([str(word) for word in command], cwd=cwd, input=stdin,
                              env={**os.environ, 'LC_ALL': 'C', **(env or {})},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        self.code = done.returncode
        self.stdout = done.stdout
        self.text = (done.stdout + done.stderr).decode('utf-8', 'replace')


class GeneratorTest(unittest.TestCase):
    """Each test has a folder with `proto/`, `pb/` (protoc's C++) and `gen/` (ours)."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='ringrpc-generator-'))
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ['proto', 'pb', 'gen']:
            (self.folder / name).mkdir()

    def write(self, name, text):
        """Makes a .proto; proto3 unless the text says otherwise."""
        path = self.folder / 'proto' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, str):
            if 'syntax =' not in text and 'edition =' not in text:
                text = 'syntax = "proto3";\n' + text
            text = text.encode()
        path.write_bytes(text)

    def protoc(self, *names, parameter='', cpp=True):
        command = [PROTOC, f'--proto_path={self.folder}/proto',
                   f'--plugin=protoc-gen-ringrpc={PLUGIN}',
                   f'--ringrpc_out={parameter}{self.folder}/gen']
        if cpp:
            command.append(f'--cpp_out={self.folder}/pb')
        return Run(command + list(names))

    def generate(self, *names, cpp=True):
        """Runs protoc, which must succeed; returns the text of the first file's header."""
        run = self.protoc(*names, cpp=cpp)
        self.assertEqual(run.code, 0, run.text)
        return self.header(names[0])

    def header(self, name):
        return (self.folder / 'gen' / header_name(name)).read_text()

    def refuse(self, *names, **options):
        """Runs protoc, which must fail in an orderly way; returns what it printed."""
        run = self.protoc(*names, **options)
        self.assertNotEqual(run.code, 0)
        self.assertNotIn('Plugin killed', run.text)
        return run.text

    def unit(self, *names, before='', after='', bind=True):
        """A translation unit that includes headers and instantiates all that is in them."""
        text = before + ''.join(f'#include "{header_name(name)}"\n' for name in names)
        text += '#include "registry.hpp"\n' if bind else ''
        for name in dict.fromkeys(names) if bind else []:
            for scope in re.findall(r'^namespace (\S+) {$', self.header(name), re.MULTILINE):
                text += f'template void {scope}::bind(generator_tests::registry&, ' \
                        f'::{scope}::service&);\n'
        return text + after

    def compile(self, unit, *flags, compiler='g++', warnings=True, library=False,
                stand_in=HERE / 'stand_in', output=None):
        """Compiles a unit, only for its errors unless there is an output."""
        source = self.folder / 'unit.cpp'
        source.write_text(unit)
        includes = ['-I', ROOT / 'include'] if library else ['-I', stand_in]
        includes += ['-I', HERE, '-I', self.folder / 'gen', '-isystem', self.folder / 'pb']
        how = ['-c', '-o', output] if output else ['-fsyntax-only']
        warnings = WARNINGS if warnings else []
        return Run([compiler, '-std=c++20', *warnings, *includes, *how, source, *flags])

    def assert_compiles(self, unit, *flags, **options):
        for compiler in compilers():
            run = self.compile(unit, *flags, compiler=compiler, **options)
            self.assertEqual(run.code, 0, f'{compiler}:\n{run.text}')


def main():
    unittest.main(verbosity=2)
