import type { Program } from '../programs.ts';

/** How one program is asked for. */
export interface Ask {
  /** Of the POST, after the base URL. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The body of a request, with this salt once in it. */
  readonly body: (salt: string) => string;
  /** What is wrong with an answer; undefined where the program ended well and printed what it should. */
  readonly fault: (status: number, body: string) => string | undefined;
}

/** A system that runs programs, by the interface it speaks. */
export interface Api {
  readonly name: string;
  /** @throws Skip where the system has no such language */
  ask(program: Program): Promise<Ask>;
}

export type OpenApi = (base: string, token: string | undefined) => Api;

/** JSON that may be none: an answer's shape is checked by a schema of the few fields that count. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** The text of a GET. @throws where the answer is no 200 */
export const getText = async (url: string, headers: Readonly<Record<string, string>>): Promise<string> => {
  const response = await fetch(url, { headers }).catch((cause: unknown) => {
    throw new Error(`nothing answers at ${url}`, { cause });
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`GET ${url} answered ${response.status}: ${text.slice(0, 500)}`);
  return text;
};

export const getJson = async (url: string, headers: Readonly<Record<string, string>>): Promise<unknown> =>
  parseJson(await getText(url, headers));
