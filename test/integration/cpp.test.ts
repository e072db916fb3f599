import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { run, runtimesOf } from '../harness/client.ts';
import { useService } from '../harness/use-service.ts';

const paddock = useService();

const versions = ['17', '20'] as const;
const compiled = async (version: string, code: string) => {
  const known = await runtimesOf(paddock.url);
  const runtime = known.find((one) => one.name === 'c++' && one.version === version);
  return runtime?.available ? run(paddock.url, { runtime: 'c++', version, code }) : undefined;
};

/* What is done to compile C++ faster (see images/cpp17/prepare.sh) is not to be seen by those who use it. */
for (const version of versions) {
  describe(`C++${version}`, () => {
    test('says what the usual linker says where linking fails', async (context) => {
      const result = await compiled(version, 'void missing();\nint main() { missing(); }\n');
      if (!result) return context.skip('there is no C++ here');
      assert.equal(result.compile?.outcome, 'nonzero-exit');
      assert.match(
        result.compile?.stderr ?? '',
        /ld: .*in function `main':\n.*undefined reference to `missing\(\)'/,
      );
    });

    test('passes on the linker’s warnings', async (context) => {
      const result = await compiled(
        version,
        '#include <cstdio>\nint main() { char name[L_tmpnam]; return std::tmpnam(name) == nullptr; }\n',
      );
      if (!result) return context.skip('there is no C++ here');
      assert.equal(result.run?.outcome, 'ok');
      assert.match(result.compile?.stderr ?? '', /the use of `tmpnam' is dangerous/);
    });

    test('leaves programs free to specialize and to instantiate what headers use themselves', async (context) => {
      const result = await compiled(
        version,
        `#include <bits/stdc++.h>
struct Point { int x; };
template <> struct std::hash<Point> { std::size_t operator()(Point p) const { return p.x; } };
template <> struct std::hash<std::pair<int, int>> { std::size_t operator()(std::pair<int, int> p) const { return p.first; } };
template <> struct std::less<std::string *> {
  bool operator()(std::string *a, std::string *b) const { return *a < *b; }
};
template class std::vector<std::string>;
template class std::basic_string<char32_t>;
std::ostream &operator<<(std::ostream &out, const std::vector<int> &all) { return out << all.size(); }
int main() {
  std::unordered_set<std::pair<int, int>> pairs{{1, 2}};
  std::string b = "b", a = "a";
  std::set<std::string *> names{&b, &a};
  std::cout << std::vector<int>{1, 2} << pairs.size() << **names.begin() << std::hash<Point>()(Point{7})
            << std::regex_match("aab", std::regex("a+b")) << std::filesystem::path("/x/y").filename() << std::endl;
}
`,
      );
      if (!result) return context.skip('there is no C++ here');
      assert.deepEqual([result.compile?.stderr, result.run?.stdout], ['', '21a71"y"\n']);
    });
  });
}
