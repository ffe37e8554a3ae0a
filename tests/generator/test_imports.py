# SPDX-License-Identifier: MIT
#
# What a generated header includes (grpc/grpc#15937): protoc's headers of the files that declare
# the types it names, and never another generated header.
import re

import support


class Imports(support.GeneratorTest):
    def includes(self, header):
        return re.findall(r'^#include [<"](\S+\.(?:pb\.h|ringrpc\.hpp))[>"]$', header, re.MULTILINE)

    def test_well_known_types_come_from_the_installed_protobuf(self):
        self.write('a.proto', '''package a;
import "google/protobuf/empty.proto"; import "google/protobuf/wrappers.proto";
import "google/protobuf/any.proto"; import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto"; import "google/protobuf/timestamp.proto";
message Unrelated { google.protobuf.Timestamp time = 1; }
service S {
  rpc A(google.protobuf.Empty) returns (google.protobuf.Empty);
  rpc B(google.protobuf.StringValue) returns (stream google.protobuf.Any);
  rpc C(google.protobuf.FieldMask) returns (google.protobuf.Struct);
}
''')
        header = self.generate('a.proto')
        self.assertEqual(self.includes(header), ['a.pb.h'] + [
            f'google/protobuf/{name}.pb.h'
            for name in ['any', 'empty', 'field_mask', 'struct', 'wrappers']])
        self.assertIn('#include <google/protobuf/empty.pb.h>', header)
        self.assert_compiles(self.unit('a.proto'))

    def test_a_chain_of_public_imports_is_followed_to_its_end(self):
        self.write('x/one.proto', 'package x; import public "x/two.proto";')
        self.write('x/two.proto', 'package x; import public "x/three.proto"; message Two {}')
        self.write('x/three.proto', 'package x; message Three {} service T {}')
        self.write('a.proto', '''package a; import "x/one.proto";
service S { rpc Call(x.Three) returns (x.Three); }
''')
        header = self.generate('a.proto', 'x/one.proto', 'x/two.proto', 'x/three.proto')
        self.assertEqual(self.includes(header), ['a.pb.h', 'x/three.pb.h'])
        self.assert_compiles(self.unit('a.proto'))

    def test_an_import_that_no_method_uses_is_not_included(self):
        self.write('unused.proto', 'package u; message U {}')
        self.write('field.proto', 'package f; message F {} service S { rpc Call(F) returns (F); }')
        self.write('a.proto', '''package a; import "unused.proto"; import "field.proto";
message M { f.F field = 1; } service S { rpc Call(M) returns (M); }
''')
        header = self.generate('a.proto', 'unused.proto', 'field.proto')
        self.assertEqual(self.includes(header), ['a.pb.h'])
        self.assert_compiles(self.unit('a.proto'))

    def test_a_weak_import_is_an_import(self):
        self.write('weak.proto', 'syntax = "proto2"; package w; message W {}')
        self.write('a.proto', '''syntax = "proto2"; package a; import weak "weak.proto";
message M {} service S { rpc Call(w.W) returns (M); }
''')
        header = self.generate('a.proto', cpp=False)  # protoc's own generator of 3.21 dies of it
        self.assertEqual(self.includes(header), ['a.pb.h', 'weak.pb.h'])

    def test_files_in_folders_include_each_other_by_their_whole_name(self):
        self.write('one/deep/a.proto', '''package one; import "two/a-b.v1.proto";
service S { rpc Call(two.M) returns (two.M); }
''')
        self.write('two/a-b.v1.proto',
                   'package two; message M {} service S { rpc Call(M) returns (M); }')
        header = self.generate('one/deep/a.proto', 'two/a-b.v1.proto')
        self.assertEqual(self.includes(header), ['one/deep/a.pb.h', 'two/a-b.v1.pb.h'])
        guards = [re.search(r'#ifndef (\w+)', self.header(name)).group(1)
                  for name in ['one/deep/a.proto', 'two/a-b.v1.proto']]
        self.assertEqual(guards, ['RINGRPC_FROM_one_2fdeep_2fa_2eproto',
                                  'RINGRPC_FROM_two_2fa_2db_2ev1_2eproto'])
        self.assert_compiles(self.unit('one/deep/a.proto', 'two/a-b.v1.proto', 'one/deep/a.proto'))

    def test_names_of_files_that_differ_in_punctuation_only_have_different_guards(self):
        names = ['a_b', 'a-b', 'a.b', 'a/b', '_a', 'A_b', 'a_2db']
        guards = set()
        for number, name in enumerate(names):
            self.write(f'{name}.proto', f'package p{number};')
            guards.add(re.search(r'#ifndef (\w+)', self.generate(f'{name}.proto')).group(1))
        self.assertEqual(len(guards), len(names))
        for guard in guards:
            self.assertNotIn('__', guard)


support.main()
