# SPDX-License-Identifier: MIT
#
# The generated header under the flags that users have, in two units of one program, with handlers
# that do not fit, with another version of the library, and with the library itself.
import shutil
import sys

import support

sys.path.append(str(support.ROOT / 'tests' / 'consumer'))

import user_flags  # noqa: E402

# All kinds of method, and comments and options wherever there can be some.
RICH = '''// Licence $ */ \\
syntax = "proto3";
// \\param nothing @return <b> <br/> &lt; `code` @{
package rich.v1;
import "google/protobuf/empty.proto";

message Ask { optional string text = 1; message Deep { int32 x = 1; } }
message Answer { repeated string lines = 1; map<string, Ask.Deep> deep = 2; }

/* Detached \\file @file */

/** Words. \\brief no @param ctx @tparam T @returns
 * @deprecated
 */
service Words {  // behind
  /// \\copydoc nowhere::at_all()
  rpc Say(Ask) returns (Answer) { option idempotency_level = NO_SIDE_EFFECTS; }  // \\param x
  rpc Watch(Ask.Deep) returns (stream Answer) { option deprecated = true; }
  // <unclosed> & <br> \\unknown_command
  rpc Upload(stream Ask) returns (google.protobuf.Empty) { option idempotency_level = IDEMPOTENT; }
  rpc Chat(stream Ask) returns (stream Answer);
  rpc delete(Ask) returns (Answer);
  rpc delete_(Ask) returns (Answer) { option deprecated = true; }
}
// Nothing.
service Nothing { option deprecated = true; }
service Old { option deprecated = true; rpc Say(Ask) returns (Answer); }
'''

GCC = [*user_flags.GCC, '-Wredundant-decls', '-Wextra-semi']
CLANG = user_flags.CLANG

# Every member of the stub that is not deprecated, and what follows from the types.
USE = '''
void use(ringrpc::channel& channel);
void use(ringrpc::channel& channel) {
  const rich::v1::Words::stub stub{channel};
  rich::v1::Ask ask;
  rich::v1::Answer answer;
  (void)stub.Say(ask);
  (void)stub.Say(ask, {});
  (void)stub.Say(ask, answer);
  (void)stub.Say(ask, answer, {});
  (void)stub.Upload();
  (void)stub.Chat({});
  (void)stub.delete_(ask);
}
'''

# For the library itself: its server takes the handlers.
SERVE = '''
template void rich::v1::Words::bind(ringrpc::server&, rich::v1::Words::service&);
'''


class Compile(support.GeneratorTest):
    def setUp(self):
        super().setUp()
        self.write('rich.proto', RICH)
        self.generate('rich.proto')

    def assert_clean(self, unit, flag_sets, **options):
        """Compiles a unit with each set of flags and all warnings that anybody turns on."""
        for compiler in support.compilers():
            strict = CLANG if support.is_clang(compiler) else GCC
            for flags in flag_sets:
                with self.subTest(compiler=compiler, flags=flags):
                    out = self.folder / 'unit.o' if '-O2' in flags or '-O3' in flags else None
                    run = self.compile(unit, *strict, *flags, compiler=compiler, output=out,
                                       **options)
                    self.assertEqual(run.code, 0, run.text)

    def test_it_is_clean_under_the_strictest_flags(self):
        self.assert_clean(self.unit('rich.proto', after=USE), [
            ['-std=c++20'], ['-std=gnu++20', '-O2', '-D_FORTIFY_SOURCE=3'],
            ['-std=c++23', '-O3', '-D_GLIBCXX_ASSERTIONS', '-D_GLIBCXX_DEBUG'],
            ['-fno-rtti', '-fno-exceptions']])

    def test_it_is_clean_with_the_library_itself(self):
        self.assert_clean(self.unit('rich.proto', after=USE + SERVE), [
            ['-std=c++20', '-fno-rtti'], ['-std=gnu++20', '-O2', '-D_FORTIFY_SOURCE=3'],
            ['-std=c++23', '-O3', '-D_GLIBCXX_ASSERTIONS', '-D_GLIBCXX_DEBUG']], library=True)

    def test_two_units_of_one_program_may_include_it(self):
        objects = [self.folder / 'one.o', self.folder / 'two.o']
        unit = self.unit('rich.proto', after=USE.replace('use(', 'USE('))
        for number, out in enumerate(objects):
            run = self.compile(unit, f'-DUSE=use{number}', output=out)
            self.assertEqual(run.code, 0, run.text)
        # A relocatable link: two definitions of one name are an error, protobuf's are not needed.
        run = support.Run(['g++', '-r', '-nostdlib', '-o', self.folder / 'both.o', *objects])
        self.assertEqual(run.code, 0, run.text)

    def test_it_may_be_included_twice_from_two_folders(self):
        copy = self.folder / 'gen' / 'copy' / 'rich.ringrpc.hpp'
        copy.parent.mkdir()
        shutil.copy(self.folder / 'gen' / 'rich.ringrpc.hpp', copy)
        self.assert_compiles('#include "rich.ringrpc.hpp"\n#include "copy/rich.ringrpc.hpp"\n')

    def test_deprecated_methods_warn_where_they_are_called_and_nowhere_else(self):
        calls = '''
void use(ringrpc::channel& channel);
void use(ringrpc::channel& channel) {
  const rich::v1::Words::stub stub{channel};
  (void)stub.%s(%s);
}
'''
        for compiler in support.compilers():
            for call, deprecated in [(('Say', 'rich::v1::Ask{}'), False),
                                     (('Watch', 'rich::v1::Ask::Deep{}'), True),
                                     (('delete__', 'rich::v1::Ask{}'), True)]:
                unit = self.unit('rich.proto', after=calls % call, bind=False)
                run = self.compile(unit, compiler=compiler)
                self.assertEqual('deprecated' in run.text, deprecated, run.text)
        old = self.unit('rich.proto', after='rich::v1::Old::stub make(ringrpc::channel&);\n')
        self.assertIn('deprecated', self.compile(old).text)

    def test_idempotency_is_part_of_the_documentation(self):
        header = self.header('rich.proto')
        self.assertIn('///\n/// Idempotency level: NO_SIDE_EFFECTS.\nusing Say =', header)
        self.assertIn('///\n/// Idempotency level: IDEMPOTENT.\nusing Upload =', header)
        self.assertNotIn('IDEMPOTENCY_UNKNOWN', header)

    GOOD_MEMBERS = [
        '', 'answer Say(ringrpc::server_context&, const ask&);',
        'answer Say(ringrpc::server_context&, ask);',
        'static answer Say(ringrpc::server_context&, const ask&);',
        'template <class A, class B> answer Say(A&, const B&);',
        'answer Say(ringrpc::server_context&, const ask&); void Say(int);',
        'answer (*Say)(ringrpc::server_context&, const ask&) = nullptr;',
        'answer say(ringrpc::server_context&, const ask&);']
    BAD_MEMBERS = [
        'void Say();', 'rich::v1::Answer Say(ringrpc::server_context&, const ask&);',
        'answer Say(ringrpc::server_context&, ask&);', 'answer Say(const ask&);',
        'ringrpc::task<ringrpc::status> Say(ringrpc::server_context&, const ask&);', 'int Say = 0;',
        'void Say(int); void Say(char);', 'template <class T> void Say(T&);',
        'template <class T> void Say();', 'struct Say {};', 'enum { Say };',
        'private: answer Say(ringrpc::server_context&, const ask&); public:']
    SEEN_IN_FINAL_CLASSES = BAD_MEMBERS[:6]

    def bind_unit(self, *structs):
        """A unit that binds structs, each given by `final` or nothing and its member `Say`."""
        text = 'namespace tests {\nusing ask = rich::v1::Ask;\n' \
               'using answer = ringrpc::task<ringrpc::result<rich::v1::Answer>>;\n'
        for i, (final, member) in enumerate(structs):
            text += f'struct h{i} {final} {{ {member}\n' \
                    'answer delete_(ringrpc::server_context&, const ask&); };\n'
        text += '}\n'
        for i in range(len(structs)):
            text += 'template void rich::v1::Words::bind(generator_tests::registry&, ' \
                    f'tests::h{i}&);\n'
        return self.unit('rich.proto', after=text)

    def test_a_member_that_fits_a_form_or_is_not_there_compiles(self):
        self.assert_compiles(self.bind_unit(*[(final, member) for member in self.GOOD_MEMBERS
                                              for final in ['', 'final']]))

    def test_a_member_that_fits_no_form_does_not_compile(self):
        structs = [('', member) for member in self.BAD_MEMBERS]
        structs += [('final', member) for member in self.SEEN_IN_FINAL_CLASSES]
        for compiler in support.compilers():
            limit = ['-ferror-limit=0'] if support.is_clang(compiler) else []
            run = self.compile(self.bind_unit(*structs), *limit, compiler=compiler)
            self.assertNotEqual(run.code, 0)
            errors = [line for line in run.text.splitlines() if ' error: ' in line]
            self.assertEqual(len(errors), len(structs), run.text)
            for error in errors:
                self.assertIn('the member Say cannot handle /rich.v1.Words/Say', error)
                self.assertIn('Say(::ringrpc::server_context&, const ::rich::v1::Ask&)', error)
            for i in range(len(structs)):
                self.assertIn(f'tests::h{i}', run.text)

    def test_another_version_of_the_library_is_told_apart(self):
        stand_in = self.folder / 'stand_in'
        shutil.copytree(support.HERE / 'stand_in', stand_in)
        header = stand_in / 'ringrpc' / 'rpc' / 'protobuf.hpp'
        header.write_text(header.read_text().replace('generated_code_version = 1',
                                                     'generated_code_version = 2'))
        for compiler in support.compilers():
            run = self.compile(self.unit('rich.proto'), compiler=compiler, stand_in=stand_in)
            self.assertNotEqual(run.code, 0)
            self.assertIn('regenerate', run.text)


support.main()
