/** Names of files that URLs, forms, shells and scripts read in another way, without a slash. */
export const oddNames: readonly string[] = [
  ...' ¦a b¦ a¦a ¦a#b¦a?b¦a%b¦a%20b¦a%2Fb¦a+b¦a&b=c¦a=b¦a:b¦a;b¦a*b~¦a|b¦a$b¦-rf¦--¦...¦.a.¦~¦~x¦C:\\a'.split('¦'),
  ...['a\nb', 'a\rb', 'a\r\nb', 'a\tb', 'a"b', '"', "a'b", 'a`b', 'a\\b', '\x7f', 'é', 'e\u0301', '日本語', '🤖'],
  ...['👩‍💻', '\u202etxt.exe', '\ufeffa'],
];
