# SPDX-License-Identifier: MIT
#
# The generator in other people's builds (grpc/grpc#25322, mesonbuild/meson#10317): consumer/ with
# its .proto files in folders, built from elsewhere into folders with spaces, by meson and by hand.
# Not covered here: CMake, for which there is no snippet yet.
import os
import shutil

import support

MESON = os.environ.get('MESON', 'meson')
PLUGIN_PROJECT = support.ROOT / 'subprojects' / 'protoc-gen-ringrpc'
HEADERS = [f'server.p/{name}.ringrpc.hpp'
           for name in ['common/v1/types', 'greeting/v1/types', 'greeting/v1/greeter']]
UNIMPLEMENTED = 'method /greeting.v1.Greeter/Greet is not implemented\n'

# What of ringrpc a consumer needs to see: the dependency, and the generator as a subproject of it.
LIBRARY = f'''project('ringrpc', 'cpp', version: '0.1.0', meson_version: '>=1.0.0')
ringrpc_dep = declare_dependency(
  dependencies: dependency('protobuf', include_type: 'system'),
  compile_args: '-I{support.HERE}/stand_in',
)
meson.override_dependency('ringrpc', ringrpc_dep)
subproject('protoc-gen-ringrpc')
'''

# A machine whose programs do not run here, and nothing that could run them.
CROSS = '''[binaries]
cpp = 'g++'
ar = 'ar'
strip = 'strip'
pkgconfig = 'pkg-config'
[properties]
needs_exe_wrapper = true
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
'''


class Builds(support.GeneratorTest):
    def setUp(self):
        super().setUp()
        self.project = self.folder / 'project'
        self.build = self.folder / 'a build folder'
        shutil.copytree(support.HERE / 'consumer', self.project)

    def run_all(self, *commands, env=None):
        text = ''
        for command in commands:
            run = support.Run(command, cwd=self.folder, env=env)
            self.assertEqual(run.code, 0, f'{command}\n{run.text}')
            text += run.text
        return text

    def add_library(self, project):
        """Puts ringrpc, reduced to what consumers see of it, into a project's subprojects."""
        library = project / 'subprojects' / 'ringrpc'
        (library / 'subprojects').mkdir(parents=True)
        (library / 'meson.build').write_text(LIBRARY)
        (library / 'subprojects' / 'protoc-gen-ringrpc').symlink_to(PLUGIN_PROJECT)

    def setup_project(self, project, *options, env=None):
        self.run_all([MESON, 'setup', self.build, project, '--wrap-mode=nodownload',
                      '-Dwerror=true', *options], env=env)

    def ninja(self, *arguments):
        return self.run_all(['ninja', '-C', self.build, *arguments])

    def said(self, program):
        return self.run_all([self.build / program])

    def generated_anew(self):
        """The .proto files for which ninja would run protoc, for both programs."""
        planned = self.ninja('-n').splitlines()
        return sorted(line.split("'")[1] for line in planned if 'Generating from' in line)

    def test_ringrpc_as_a_subproject(self):
        self.add_library(self.project)
        self.setup_project(self.project)
        self.ninja()
        self.assertEqual(self.said('server'), UNIMPLEMENTED)
        self.assertEqual(self.said('client'), '/greeting.v1.Greeter/Greet\n')
        self.assertIn('no work to do', self.ninja())

        # A .proto, one that it imports, and the generator: each is looked at, and no other.
        proto = self.project / 'proto'
        greeter = 'proto/greeting/v1/greeter.proto'
        (proto / 'greeting/v1/greeter.proto').touch()
        self.assertEqual(self.generated_anew(), [greeter] * 2)
        self.ninja()
        (proto / 'common/v1/types.proto').touch()
        self.assertEqual(self.generated_anew(), ['proto/common/v1/types.proto'] * 2 + [greeter] * 2)
        (proto / 'common/v1/types.proto').write_text(
            'syntax = "proto3"; package common.v1; message Other { message Name {} }')
        (proto / 'greeting/v1/greeter.proto').write_text(
            (proto / 'greeting/v1/greeter.proto').read_text().replace('v1.Name', 'v1.Other.Name'))
        self.ninja(*HEADERS)
        self.assertIn('::common::v1::Other_Name', (self.build / HEADERS[2]).read_text())
        (next(self.build.rglob('protoc-gen-ringrpc.p')).parent / 'protoc-gen-ringrpc').touch()
        self.assertEqual(len(self.generated_anew()), 6)

    def test_a_consumer_that_is_a_subproject_itself_in_a_cross_build(self):
        outer = self.folder / 'outer project'
        self.add_library(outer)
        (outer / 'subprojects' / 'greeting').symlink_to(self.project)
        (outer / 'meson.build').write_text(
            "project('outer', 'cpp')\nsubproject('ringrpc')\nsubproject('greeting')\n")
        cross = self.folder / 'cross.txt'
        cross.write_text(CROSS)
        self.setup_project(outer, f'--cross-file={cross}')
        self.ninja(*[f'subprojects/greeting/{header}' for header in HEADERS])
        header = self.build / 'subprojects' / 'greeting' / HEADERS[2]
        self.assertIn('/greeting.v1.Greeter/Greet', header.read_text())

    def test_the_installed_generator(self):
        prefix = self.folder / 'installed here'
        (prefix / 'bin').mkdir(parents=True)
        shutil.copy(support.PLUGIN, prefix / 'bin' / 'protoc-gen-ringrpc')
        (prefix / 'ringrpc.pc').write_text(
            'Name: ringrpc\nDescription: stand-in\nVersion: 0.1.0\nRequires: protobuf\n'
            f'Cflags: -I{support.HERE}/stand_in\n')
        env = {'PATH': f'{prefix}/bin:{os.environ["PATH"]}', 'PKG_CONFIG_PATH': str(prefix)}
        with self.subTest('with meson and pkg-config'):
            self.setup_project(self.project, env=env)
            self.ninja()
            self.assertEqual(self.said('server'), UNIMPLEMENTED)
        with self.subTest('with protoc and g++ by hand'):
            out = self.folder / 'generated here'
            out.mkdir()
            proto = self.project / 'proto'
            names = [path.relative_to(proto) for path in proto.rglob('*.proto')]
            self.run_all([support.PROTOC, f'--proto_path={proto}', f'--cpp_out={out}',
                          f'--ringrpc_out={out}', *names], env=env)
            flags = self.run_all(['pkg-config', '--cflags', '--libs', 'ringrpc'], env=env).split()
            self.run_all(['g++', '-std=c++20', f'-I{out}', self.project / 'src' / 'client.cpp',
                          *out.rglob('*.pb.cc'), '-o', self.folder / 'client', *flags],
                         [self.folder / 'client'])


support.main()
