# SPDX-License-Identifier: MIT
#
# The C++ names of request and response types (grpc/grpc#7167, google/flatbuffers#8531), and names
# that are different in a .proto and the same in C++.
import support


class Types(support.GeneratorTest):
    def test_nested_messages_have_their_outer_names(self):
        self.write('div.proto', '''package math;
message Div { message Args { message Deep { message Deepest {} } } message Reply {} }
''')
        self.write('a.proto', '''package calc;
import "div.proto";
service Div {
  rpc Div(math.Div.Args) returns (math.Div.Reply);
  rpc Deep(math.Div.Args.Deep) returns (stream math.Div.Args.Deep.Deepest);
  rpc Whole(stream math.Div) returns (math.Div);
}
''')
        header = self.generate('a.proto', 'div.proto')
        self.assertIn('"/calc.Div/Div", ::math::Div_Args, ::math::Div_Reply>', header)
        self.assertIn('::math::Div_Args_Deep, ::math::Div_Args_Deep_Deepest>', header)
        self.assert_compiles(self.unit('a.proto'))

    def test_a_group_is_a_message_of_its_own(self):
        self.write('a.proto', '''syntax = "proto2"; package g;
message M { optional group Res = 1 { required int32 x = 1; } repeated group Many = 2 {} }
service S { rpc Call(M.Res) returns (M.Many); rpc Watch(M) returns (stream M.Res); }
''')
        header = self.generate('a.proto')
        self.assertIn('"/g.S/Call", ::g::M_Res, ::g::M_Many>', header)
        self.assert_compiles(self.unit('a.proto'))

    def test_two_messages_with_one_name_in_cpp_are_protocs_affair(self):
        self.write('a.proto', '''package g;
message Foo { message Bar {} } message Foo_Bar {}
service S { rpc Call(Foo.Bar) returns (Foo_Bar); }
''')
        self.assertIn('::g::Foo_Bar, ::g::Foo_Bar>', self.generate('a.proto'))

    def test_types_are_found_from_the_root_whatever_the_packages_are(self):
        for file, package in [('b', 'b'), ('abb', 'a.b.b'), ('ba', 'b.a'), ('ab', 'a.b')]:
            self.write(f'{file}.proto', f'package {package}; message Msg {{}}')
        self.write('root.proto', 'message Msg {}')
        self.write('a.proto', '''package a.b;
import "b.proto"; import "abb.proto"; import "ba.proto"; import "ab.proto"; import "root.proto";
service S {
  rpc A(.b.Msg) returns (.a.b.b.Msg);
  rpc B(.b.a.Msg) returns (.a.b.Msg);
  rpc C(.Msg) returns (stream .Msg);
  rpc a(stream .b.Msg) returns (.a.b.Msg);
  rpc b(stream .b.Msg) returns (stream .b.Msg);
}
service b_ { rpc Msg(.b.Msg) returns (.Msg); }
''')
        header = self.generate('a.proto', 'b.proto', 'abb.proto', 'ba.proto', 'ab.proto',
                               'root.proto')
        self.assertIn('"/a.b.S/A", ::b::Msg, ::a::b::b::Msg>', header)
        self.assertIn('"/a.b.S/B", ::b::a::Msg, ::a::b::Msg>', header)
        self.assertIn('"/a.b.S/C", ::Msg, ::Msg>', header)
        self.assert_compiles(self.unit('a.proto'))

    def test_a_file_without_package_compiles(self):
        self.write('a.proto', 'message M { message N {} } service S { rpc Call(M) returns (M.N); }')
        header = self.generate('a.proto')
        self.assertIn('\nnamespace S {\n', header)
        self.assertIn('"/S/Call", ::M, ::M_N>', header)
        self.assertNotIn('::::', header)
        self.assert_compiles(self.unit('a.proto'))

    def test_packages_named_as_libraries_compile_where_protocs_own_code_does(self):
        # In x.std and x.google protoc's own code looks for `std::` in the wrong place; in std and
        # google it does not.
        body = 'message M {} service Words { rpc Say(M) returns (M); }'
        good = ['std', 'google', 'ringrpc', 'detail', 'internal', 'x.ringrpc', 'x.grpc', 'x.detail',
                'x.internal', 'ringrpc.detail', 'google.protobuf.x']
        for package in good + ['x.std', 'x.google', 'std.x', 'x.google.protobuf']:
            self.write(f'{package}.proto', f'package {package}; {body}')
            header = self.generate(f'{package}.proto')
            self.assertIn(f'"/{package}.Words/Say"', header)
        self.assert_compiles(self.unit(*[f'{package}.proto' for package in good]))

    def test_std_is_always_written_from_the_root(self):
        self.write('a.proto', 'package a; message M {} service S { rpc Call(M) returns (M); }')
        for line in self.generate('a.proto').splitlines():
            code = line.split('//')[0]
            for name in ['std::', 'ringrpc::', 'google::']:
                self.assertNotRegex(code, rf'(?<!:){name}')

    def test_a_package_that_is_a_message_elsewhere_is_refused_by_protoc(self):
        self.write('a.proto', 'package a; message b {} service S { rpc Call(b) returns (b); }')
        self.write('b.proto', 'package a.b; message M {} service S { rpc Call(M) returns (M); }')
        self.assertIn('::a::b, ::a::b>', self.generate('a.proto'))
        self.assertIn('::a::b::M, ::a::b::M>', self.generate('b.proto'))
        self.assertIn('"a.b" is already defined', self.refuse('a.proto', 'b.proto'))


class Collisions(support.GeneratorTest):
    """What protoc does not see, because only C++ writes both names the same."""

    def check(self, text, *parts, imports=''):
        self.write('i.proto', 'package a; ' + imports)
        self.write('a.proto', 'package a; import public "i.proto"; message M {}\n' + text)
        printed = self.refuse('a.proto', cpp=False)
        for part in parts:
            self.assertIn(part, printed)

    def test_a_service_with_the_name_of_a_nested_message(self):
        self.check('message So { message T {} } service So_T { rpc Call(M) returns (M); }',
                   'service a.So_T', '::a::So_T', 'message a.So.T (a.proto)', 'rename')

    def test_a_service_with_the_name_of_something_imported(self):
        service = 'service So_T { rpc Call(M) returns (M); }'
        self.check(service, 'message a.So.T (i.proto)', imports='message So { message T {} }')
        self.check(service, 'enum a.So.T (i.proto)', imports='message So { enum T { X = 0; } }')
        self.check('service So_T_X {}', 'enum value a.So.X',
                   imports='message So { enum T { X = 0; } }')
        self.check('service T_Name {}', 'enum a.T', imports='enum T { X = 0; }')

    def test_a_mangled_service_with_the_name_of_a_message(self):
        self.check('service delete {}', 'service a.delete', 'message a.delete_',
                   imports='message delete_ {}')
        self.write('p.proto', 'package a.new_; message M {}')
        self.write('b.proto', 'package a; import "p.proto"; service new {}')
        printed = self.refuse('b.proto', cpp=False)
        self.assertIn('service a.new would be ::a::new_', printed)
        self.assertIn('package a.new_ (p.proto)', printed)

    def test_a_service_and_the_package_of_another_file_alone_and_together(self):
        self.write('s.proto', 'package a; message M {} service S { rpc Call(M) returns (M); }')
        self.write('p.proto', 'package a.S; message Ping {}'
                              'service T { rpc Call(Ping) returns (Ping); }')
        self.generate('s.proto')
        self.generate('p.proto')
        self.assert_compiles(self.unit('s.proto', 'p.proto'))
        self.assertIn('"a.S" is already defined', self.refuse('s.proto', 'p.proto'))

    def test_generic_services_would_be_classes_of_the_same_name(self):
        self.write('a.proto', '''package a; option cc_generic_services = true;
message M {} service S { rpc Call(M) returns (M); }
''')
        printed = self.refuse('a.proto')
        for part in ['service a.S', 'cc_generic_services', 'remove that option']:
            self.assertIn(part, printed)

    def test_names_that_are_only_alike_are_left_alone(self):
        self.write('a.proto', '''package a;
message So { message T {} enum E { X = 0; } } message SoT {} message delete {}
service So_t { rpc So_T(So) returns (So.T); rpc X(So.T) returns (So); }
service delete_ { rpc So(.a.So) returns (SoT); }
service SoE_X {}
''')
        self.generate('a.proto')
        self.assert_compiles(self.unit('a.proto'))


support.main()
