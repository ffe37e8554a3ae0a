# SPDX-License-Identifier: MIT
#
# Comments of a .proto arrive in the generated header as they are (grpc/grpc#32171), and nothing in
# them can end a comment early or reach the line behind it.
import support


class Comments(support.GeneratorTest):
    def test_a_dollar_is_an_ordinary_character_in_every_comment(self):
        places = ['above syntax', 'above package', 'detached from service', 'above service',
                  'behind service', 'detached from method', 'above method', 'behind method']
        for forms in ['// {0} costs $5 and $name$ and $\n', '/* {0} costs $5 and $name$ and $ */\n',
                      '/** {0} costs $5 and $name$ and $ */\n']:
            text = [forms.format(place) for place in places]
            self.write('a.proto', f'''{text[0]}syntax = "proto3";
{text[1]}package a;
message M {{}}

{text[2]}
{text[3]}service S {{ {text[4]}
  {text[5]}
  {text[6]}  rpc Call(M) returns (M);  {text[7]}
}}
''')
            header = self.generate('a.proto')
            for place in places:
                self.assertIn(f'{place} costs $5 and $name$ and $\n', header)
        self.write('lone.proto', '// $\npackage a; // $\n /** $ */\nmessage M {}\n'
                                 '/* $ */ service S { /** $ */ rpc Call(M) returns (M); // $\n}\n')
        self.generate('lone.proto')
        self.assert_compiles(self.unit('lone.proto'))

    def test_our_own_placeholders_are_ordinary_text_too(self):
        self.write('a.proto', '''package a; message M {}
// @name@ and @comment@ and @ and %s and {0}
service S {
  /* @path@ */
  rpc Call(M) returns (M);
}
''')
        header = self.generate('a.proto')
        self.assertIn('/// @name@ and @comment@ and @ and %s and {0}\n', header)
        self.assertIn('/// @path@\n', header)

    def test_documentation_stands_at_the_method_the_stub_and_the_service(self):
        self.write('a.proto', '''package a;
message M {}

// Detached.

// Of the service.
service S {
  // Of the method.
  //   Second line.
  rpc Call(M) returns (M);  // Behind it.
}
''')
        header = self.generate('a.proto')
        block = ['/// Of the method.', '///   Second line.', '///', '/// Behind it.']
        self.assertEqual(header.count('\n'.join(block) + '\nusing Call ='), 1)
        member = ''.join(f'  {line}\n' for line in block)
        self.assertEqual(header.count(member + '  [[nodiscard]] auto Call('), 1)
        self.assertEqual(header.count(member + '  virtual '), 1)
        self.assertEqual(header.count('/// Of the service.\n'), 2)
        self.assertIn('\n// Detached.\n\nnamespace a::S {', header)

    def test_marks_of_documentation_comments_are_no_text(self):
        self.write('a.proto', '''package a; message M {}
/// Three slashes.
service S {
  /** Two stars,
   *  two lines. */
  rpc One(M) returns (M);
  //! Exclaimed.
  rpc Two(M) returns (M);
}
''')
        header = self.generate('a.proto')
        self.assertIn('\n/// Three slashes.\n', header)
        self.assertIn('\n/// Two stars,\n///  two lines.\nusing One', header)
        self.assertIn('\n/// Exclaimed.\nusing Two', header)

    def test_no_comment_ends_early_or_reaches_the_next_line(self):
        # Every line of comment that got out of its comment would not compile.
        traps = ['*/ #error star', '#error /* open', 'backslash \\', 'backslash and blank \\ ',
                 'trigraph ??/', 'trigraph and tab ??/\t', '"quote', "it's", 'R"(raw',
                 'carriage\r#error return', 'feed\f#error feed', 'tab\v#error tab', '\x01\x7f',
                 '<b> \\param nothing @tparam', '\\', '??/', '// \\', '}; }; }',
                 'r\u00e9sum\u00e9 \u65e5\u672c\u8a9e \U0001f600',
                 'turned \u202e around \u2066 twice']
        comment = ''.join(f'// {trap}\n' for trap in traps)
        everywhere = f'''{comment}syntax = "proto3";
{comment}package a;
message M {{}}
{comment}
{comment}service S {{ {comment}
{comment}
{comment}  rpc Call(M) returns (M);  {comment}
{comment}
{comment}  rpc Watch(M) returns (stream M);  {comment}
}}
'''
        self.write('a.proto', everywhere.encode().replace(b'// carriage', b'\r// carriage'))
        header = self.generate('a.proto')
        self.assertIn('/// */ #error star\n', header)
        self.assertIn('/// r\u00e9sum\u00e9 \u65e5\u672c\u8a9e \U0001f600\n', header)
        self.assertIn('/// turned U+202E around U+2066 twice\n', header)
        self.assertNotIn('\r', header)
        for line in header.splitlines():
            self.assertFalse(line.rstrip().endswith(('\\', '??/')), line)
        self.assert_compiles(self.unit('a.proto'), '-trigraphs')
        self.assert_compiles(self.unit('a.proto'))

    def test_bytes_that_are_no_utf8_become_question_marks(self):
        text = b'syntax = "proto3"; package a; message M {}\n'
        text += b'// bad \xff\xfe \xc0\x80 \xed\xa0\x80 \xf5 cut \xe2\x82\nservice S {}\n'
        self.write('a.proto', text)
        header = self.generate('a.proto', cpp=False)
        self.assertIn('/// bad ?? ?? ??? ? cut ??\n', header)

    def test_lines_that_end_as_on_windows_leave_no_trace(self):
        text = '''package a;
message M {}

// One.
// Two.
service S {}
'''
        self.write('unix.proto', text)
        unix = self.generate('unix.proto', cpp=False)
        self.write('windows.proto', ('syntax = "proto3";\n' + text).replace('\n', '\r\n'))
        windows = self.generate('windows.proto', cpp=False)
        self.assertEqual(windows.replace('windows', 'unix'), unix)


support.main()
