import type { BlogApp } from '../nest/blog-app.js';

/** A page that a reader was shown, with the fields of its form as a browser would send them. */
export interface ReadPage {
  readonly status: number;
  readonly text: string;
  readonly fields: Readonly<Record<string, string>>;
  /** Names of the fields by which conflicts are decided on, in their order. */
  readonly conflicts: readonly string[];
}

/** Somebody who opens pages and sends their forms, with the cookie that they were given. */
export class Reader {
  cookie = '';

  constructor(
    private readonly http: BlogApp['http'],
    private readonly headers: Readonly<Record<string, string>> = {},
  ) {}

  async open(path: string): Promise<ReadPage> {
    return this.#read(await this.http.get(path).set({ ...this.headers, cookie: this.cookie }));
  }

  async send(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ReadPage> {
    const request = this.http.post(path).type('form');
    return this.#read(await request.set({ ...this.headers, cookie: this.cookie, ...headers }).send(fields));
  }

  #read({ status, text, headers }: { status: number; text: string; headers: Record<string, unknown> }): ReadPage {
    const [given] = (headers['set-cookie'] ?? []) as string[];
    if (given !== undefined) this.cookie = given.split(';', 1)[0]!;
    const form = /<form method="post".*<\/form>/s.exec(text)?.[0] ?? '';
    const inputs = [...form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)];
    const checked = [...form.matchAll(/<input type="radio" name="([^"]+)" value="([^"]+)" checked>/g)];
    const fields = Object.fromEntries([...inputs, ...checked].map(([, name, value]) => [name, value]));
    const radios = [...form.matchAll(/<input type="radio" name="([^"]+)"/g)].map(([, name]) => name!);
    return { status, text, fields, conflicts: [...new Set(radios)] };
  }
}
