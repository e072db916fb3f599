import { join } from 'node:path';
import { repository } from '../harness/start-service.ts';

/** The Node that the service runs on and gives to JavaScript programs. */
export const projectNode = join(repository, 'node_modules/node/bin/node');

/** A program, and the way a person would run it by hand. */
export interface Program {
  readonly runtime: string;
  /** The standard that the bare command compiles by default; otherwise the newest version there is. */
  readonly version?: string;
  readonly fileName: string;
  /** `salt` goes into a comment, once, so that no cache could know the program. */
  readonly source: (salt: string) => string;
  readonly stdout: string;
  /** Run in the folder that holds the file. */
  readonly bare: string;
}

/** The bare command where this project's Node is not: with the tools of the path. */
export const bareElsewhere = ({ bare }: Program): string => bare.replace(/'.*\/node'/, 'node');

export const python: Program = {
  runtime: 'python',
  fileName: 'main.py',
  source: (salt) => `# ${salt}\nprint("hello")\n`,
  stdout: 'hello\n',
  bare: '/usr/bin/python3 -I main.py',
};

export const javascript: Program = {
  runtime: 'javascript',
  fileName: 'main.js',
  source: (salt) => `// ${salt}\nconsole.log("hello");\n`,
  stdout: 'hello\n',
  bare: `'${projectNode}' main.js`,
};

export const java: Program = {
  runtime: 'java',
  fileName: 'Main.java',
  source: (salt) => `// ${salt}
public class Main {
  public static void main(String[] args) {
    System.out.println("hello");
  }
}
`,
  stdout: 'hello\n',
  bare: 'java Main.java',
};

export const cpp: Program = {
  runtime: 'c++',
  version: '17',
  fileName: 'main.cpp',
  source: (salt) => `// ${salt}
#include <bits/stdc++.h>
using namespace std;
int main() {
  vector<string> words{"hello", "and", "goodbye"};
  sort(words.begin(), words.end(), greater<string>());
  cout << words.front() << endl;
}
`,
  stdout: 'hello\n',
  bare: 'g++ -O2 main.cpp -o x && ./x',
};
