# SPDX-License-Identifier: MIT
#
# Names of services and methods that C++, or the generated code itself, has another use for
# (grpc/grpc#4279, protocolbuffers/protobuf#9058). The rule is one for all: an underscore more, and
# the path stays as it was.
import re

import support

KEYWORDS = '''alignas alignof asm auto bool break case catch char char8_t char16_t char32_t class
concept const consteval constexpr constinit const_cast continue co_await co_return co_yield decltype
default delete do double dynamic_cast else enum explicit export extern false float for friend goto
if inline int long mutable namespace new noexcept nullptr operator private protected public register
reinterpret_cast requires return short signed sizeof static static_assert static_cast struct switch
template this thread_local throw true try typedef typeid typename union unsigned using virtual void
volatile wchar_t while and and_eq bitand bitor compl not not_eq or or_eq xor xor_eq'''.split()
CONTEXT_WORDS = 'final override import module'.split()
MACROS = '''assert errno EOF NULL NAN INFINITY offsetof alloca linux unix EIO SIGTERM INT_MAX
SEEK_SET POLLIN M_PIf PRId64 SCNx8 SYS_read GET V2B'''.split()
NAMESPACES = 'std google ringrpc'.split()
OWN = 'stub service bind ringrpc_bind'.split()
MANGLED = KEYWORDS + CONTEXT_WORDS + MACROS + NAMESPACES + OWN

# Parameters, private members and the like in the generated code; and names from the library that
# it uses. A method may have any of them without a change.
UNCHANGED = '''args borrowed_channel_ channel channel_ handlers Handlers invoke names none
options probe Registry registry reply request self result status task writer reader
server_context call_options co_returned a p S M KV IO_ Get GETs Sys_read PRi M1 Messages main
printf abort size_t _ x__y constinit_t deleted message stream rpc package option returns syntax
oneof map string int32'''.split()

ALL_HEADERS = ''.join(f'#include <{name}>\n' for name in '''cassert cctype cerrno cinttypes climits
cmath complex csignal cstddef cstdio cstdlib ctime alloca.h fcntl.h poll.h unistd.h sys/socket.h
sys/stat.h sys/syscall.h sys/sysmacros.h sys/un.h sys/wait.h'''.split()) + '''
#if __has_include(<zlib.h>)
#include <zlib.h>
#endif
'''


def all_kinds(names):
    """A method for each name, the four kinds in turn. (`.p.M`: a method `M` would hide it.)"""
    kinds = ['.p.M) returns (.p.M', '.p.M) returns (stream .p.M', 'stream .p.M) returns (.p.M',
             'stream .p.M) returns (stream .p.M']
    return ''.join(f'  rpc {name}({kinds[i % 4]});\n' for i, name in enumerate(names))


def aliases(header):
    """C++ name -> path of all methods in a header."""
    return dict(re.findall(r'using (\w+) =\s+::ringrpc::\w+<"([^"]+)"', header))


class Names(support.GeneratorTest):
    def test_methods_may_have_any_name(self):
        # A name that stays must not meet a parameter or member of the generated code, whatever
        # its kind and theirs are: so these turn through the four kinds.
        services = [MANGLED] + [['first'] * shift + UNCHANGED for shift in range(4)]
        text = 'package p; message M {}\n'
        for number, names in enumerate(services):
            names = [name + str(i) if name == 'first' else name for i, name in enumerate(names)]
            text += f'service S{number} {{\n{all_kinds(names)}}}\n'
        self.write('a.proto', text)
        self.generate('a.proto')
        methods = re.findall(r'using (\w+) =\s+::ringrpc::\w+<"([^"]+)"', self.header('a.proto'))
        for name in MANGLED:
            self.assertIn((name + '_', f'/p.S0/{name}'), methods)
        for number in range(1, 5):
            for name in UNCHANGED:
                self.assertIn((name, f'/p.S{number}/{name}'), methods)
        self.assert_compiles(self.unit('a.proto', before=ALL_HEADERS), '-std=gnu++20')
        self.assert_compiles(self.unit('a.proto'), '-std=c++23')

    def test_no_name_stays_a_macro_of_the_headers(self):
        source = self.folder / 'macros.cpp'
        source.write_text(ALL_HEADERS + '#include <ringrpc/rpc/protobuf.hpp>\n')
        run = support.Run(['g++', '-std=gnu++20', '-E', '-dM', '-I', support.ROOT / 'include',
                           source])
        self.assertEqual(run.code, 0, run.text)
        macros = set(re.findall(r'^#define (\w+)', run.text, re.MULTILINE))
        # Those that are left out here are the compiler's, and no names for anybody else.
        names = sorted(name for name in macros if not re.match('__|_[A-Z]', name))
        self.assertGreater(len(names), 1000)
        self.write('a.proto', f'package p; message M {{}}\nservice S {{\n{all_kinds(names)}}}\n')
        found = aliases(self.generate('a.proto', cpp=False))
        self.assertEqual(len(found), len(names))
        self.assertEqual(sorted(macros & found.keys()), [])

    def test_delete_and_delete_with_an_underscore_do_not_collide(self):
        self.write('a.proto', '''package p; message M {}
service S { rpc delete_(M) returns (M); rpc delete(M) returns (M); rpc delete__(M) returns (M); }
service Only { rpc delete_(M) returns (M); rpc bind_(M) returns (M); rpc deleted_(M) returns (M); }
''')
        found = aliases(self.generate('a.proto'))
        self.assertEqual(found, {
            'delete_': '/p.S/delete', 'delete__': '/p.Only/delete_', 'delete___': '/p.S/delete__',
            'bind__': '/p.Only/bind_', 'deleted_': '/p.Only/deleted_'})
        self.assertIn('"/p.S/delete_"', self.header('a.proto'))
        self.assert_compiles(self.unit('a.proto'))

    def test_services_may_have_any_name(self):
        names = MANGLED + ['Registry', 'result', 'task', 'Status', 'probe', 'p', 'deleted']
        self.write('a.proto', 'package p; message M {}\n' + ''.join(
            f'service {name} {{ rpc Call(M) returns (M); rpc {name}(M) returns (M); }}\n'
            for name in names))
        header = self.generate('a.proto')
        for name in MANGLED:
            self.assertIn(f'\nnamespace p::{name}_ {{', header)
            self.assertIn(f'"/p.{name}/Call"', header)
        # The same names behind it in the same package must still mean what they meant.
        self.write('b.proto', 'package p; message Text { string text = 1; }\n'
                              'service Last { rpc Call(Text) returns (Text); }')
        self.generate('b.proto')
        self.assert_compiles(self.unit('a.proto', 'b.proto', before=ALL_HEADERS), '-std=gnu++20')

    def test_services_without_a_package_leave_namespaces_alone(self):
        self.write('a.proto', 'message M {}\n' + ''.join(
            f'service {name} {{ rpc Call(M) returns (M); }}\n' for name in NAMESPACES + ['bind']))
        header = self.generate('a.proto')
        self.assertIn('"/std/Call"', header)
        self.assert_compiles(self.unit('a.proto', before=ALL_HEADERS))

    def test_a_method_may_have_the_name_of_its_service_package_or_message(self):
        self.write('a.proto', '''package p.q;
message M {} message Answer {}
service S { rpc S(.p.q.M) returns (.p.q.M); rpc p(.p.q.M) returns (.p.q.M);
            rpc q(.p.q.M) returns (.p.q.M); rpc M(.p.q.M) returns (.p.q.Answer);
            rpc Answer(.p.q.M) returns (.p.q.M); }
''')
        self.generate('a.proto')
        self.assert_compiles(self.unit('a.proto'))

    def test_packages_that_are_keywords_keep_their_path(self):
        for package in ['public', 'x.public.api.v1', 'namespace', 'new', 'x.class']:
            with self.subTest(package=package):
                self.write('a.proto', f'package {package}; message M {{}}\n'
                                      'service S { rpc Call(M) returns (M); }')
                header = self.generate('a.proto')
                self.assertIn(f'"/{package}.S/Call"', header)
                # The namespace is the one of the .pb.h, whether libprotoc mangles it or not.
                own = re.search(r'^namespace (\S+)::S {$', header, re.MULTILINE).group(1)
                pb = re.findall(r'^namespace (\w+) {$',
                                (self.folder / 'pb' / 'a.pb.h').read_text(), re.MULTILINE)
                for part in own.split('::'):
                    self.assertIn(part, pb)
                self.assertIn(f'::{own}::M, ::{own}::M>', header)

    def test_messages_that_are_keywords_are_named_by_libprotoc(self):
        self.write('a.proto', '''package p;
message class { message delete {} } message NULL {} message concept_ {}
service S { rpc A(class) returns (class.delete); rpc B(NULL) returns (concept_); }
''')
        self.generate('a.proto')
        self.assert_compiles(self.unit('a.proto'))


support.main()
