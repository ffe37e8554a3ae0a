# SPDX-License-Identifier: MIT
#
# The plugin as protoc sees it (protoc-gen-doc#563): a request on standard input, a response on
# standard output, both written and read here by hand.
import re

import support


def varint(value):
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(encoded + bytes([value]))


def field(number, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def fields(message):
    """[(number, value)] of a message; values are bytes or integers."""
    found, at = [], 0

    def read_varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = read_varint()
        value = read_varint()
        if tag & 7 == 2:
            value, at = message[at:at + value], at + value
        found.append((tag >> 3, value))
    return found


class Plugin(support.GeneratorTest):
    ERROR, FEATURES, FILE, MINIMUM_EDITION, MAXIMUM_EDITION = 1, 2, 15, 3, 4

    def request(self, *names, files=(), parameter=''):
        """A CodeGeneratorRequest for `names`, with all that protoc found in `files`."""
        message = b''.join(field(1, name) for name in names)
        message += field(2, parameter) if parameter else b''
        if files:
            found = self.folder / 'descriptors'
            run = support.Run([support.PROTOC, f'--proto_path={self.folder}/proto', *files,
                               '--include_imports', '--include_source_info',
                               f'--descriptor_set_out={found}'])
            self.assertEqual(run.code, 0, run.text)
            message += b''.join(field(15, value) for _, value in fields(found.read_bytes()))
        return message

    def answer(self, request):
        run = support.Run([support.PLUGIN], stdin=request)
        self.assertEqual(run.code, 0, run.text)
        return fields(run.stdout)

    def libprotoc_version(self):
        text = support.Run([support.PROTOC, '--version']).text
        return int(re.search(r'libprotoc (\d+)', text).group(1))

    def test_it_tells_which_features_of_protobuf_it_knows(self):
        answer = dict(self.answer(self.request()))
        self.assertTrue(answer[self.FEATURES] & 1, 'optional fields of proto3')
        if self.libprotoc_version() >= 26:
            self.assertTrue(answer[self.FEATURES] & 2, 'editions')
            self.assertEqual(answer[self.MINIMUM_EDITION], 998)  # proto2
            self.assertEqual(answer[self.MAXIMUM_EDITION], 1000)  # 2023
        else:
            self.assertEqual(answer[self.FEATURES], 1)

    def test_nothing_to_generate_is_no_error(self):
        answer = dict(self.answer(self.request()))
        self.assertNotIn(self.ERROR, answer)
        self.assertNotIn(self.FILE, answer)

    def test_only_the_files_that_were_asked_for_are_written(self):
        self.write('i.proto', 'package i; message M {} service S { rpc Call(M) returns (M); }')
        self.write('a.proto', 'package a; import "i.proto";'
                              'service S { rpc Call(i.M) returns (i.M); }')
        answer = self.answer(self.request('a.proto', files=['a.proto']))
        written = [dict(fields(value))[1] for number, value in answer if number == self.FILE]
        self.assertEqual(written, [b'a.ringrpc.hpp'])

    def test_two_files_in_one_run_are_two_headers(self):
        self.write('x/a.proto', 'package a; message M {} service S { rpc Call(M) returns (M); }')
        self.write('b.proto', 'package b; message M {} service S { rpc Call(M) returns (M); }')
        self.generate('x/a.proto', 'b.proto')
        self.assertIn('"/a.S/Call"', self.header('x/a.proto'))
        self.assertIn('"/b.S/Call"', self.header('b.proto'))
        self.assertNotIn('"/a.S/Call"', self.header('b.proto'))

    def test_an_unknown_parameter_is_an_error_that_names_it(self):
        self.write('a.proto', 'package a;')
        answer = dict(self.answer(self.request('a.proto', files=['a.proto'], parameter='xyz=1')))
        self.assertIn(b'unknown parameter "xyz=1"', answer[self.ERROR])
        self.assertNotIn(self.FILE, answer)
        self.assertIn('unknown parameter "xyz"', self.refuse('a.proto', parameter='xyz:'))

    def test_optional_fields_of_proto3_are_accepted(self):
        self.write('a.proto', '''package a;
message Ask { optional string text = 1; oneof choice { int32 x = 2; int32 y = 3; } }
message Answer { optional Ask ask = 1; optional int32 number = 2; }
service S { rpc Call(Ask) returns (Answer); }
''')
        self.generate('a.proto')
        self.assert_compiles(self.unit('a.proto'))

    def test_a_file_without_services_is_a_header_that_includes_the_messages(self):
        self.write('a.proto', '// $ about\nsyntax = "proto3"; package a; message M {}')
        header = self.generate('a.proto')
        self.assertNotIn('ringrpc/rpc', header)
        self.assert_compiles(self.unit('a.proto', bind=False, after='a::M message;\n'))
        self.write('empty.proto', '')
        self.generate('empty.proto')
        self.assert_compiles(self.unit('empty.proto', bind=False, after='int nothing;\n'))

    def test_a_service_without_methods_compiles(self):
        self.write('a.proto', 'package a; service S {} service T { option deprecated = true; }')
        self.generate('a.proto')
        self.assert_compiles(self.unit('a.proto', after='''
a::S::stub make(ringrpc::channel& channel) { return a::S::stub{channel}; }
'''))

    def test_the_same_request_gives_the_same_bytes(self):
        self.write('a.proto', 'package a; message M {} service S { rpc Call(M) returns (M); }')
        request = self.request('a.proto', files=['a.proto'])
        self.assertEqual(self.answer(request), self.answer(request))

    def test_a_request_that_is_none_is_refused(self):
        for noise in [b'\xff' * 40, self.request('missing.proto')]:
            run = support.Run([support.PLUGIN], stdin=noise)
            failed = run.code > 0 or (run.code == 0 and dict(fields(run.stdout)).get(self.ERROR))
            self.assertTrue(failed, run.text)

    def test_it_says_its_version_and_how_it_is_used(self):
        run = support.Run([support.PLUGIN, '--version'])
        self.assertEqual(run.code, 0)
        self.assertRegex(run.text, r'^protoc-gen-ringrpc \d+\.\d+\.\d+\n$')
        self.assertEqual(support.Run([support.PLUGIN, '--help']).code, 0)
        run = support.Run([support.PLUGIN, 'a.proto'])
        self.assertEqual(run.code, 2)
        self.assertIn('--ringrpc_out', run.text)


support.main()
