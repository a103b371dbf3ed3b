import { createServer, connect, type Server, type Socket } from 'node:net';

/** What a client sends, seen on its way to the server: the names of the frontend messages, in order. */
export interface WireTap {
  readonly url: string;
  /** What was sent while `fn` ran: one list of messages for each time that the client waited for the server. */
  during(fn: () => Promise<unknown>): Promise<string[][]>;
  close(): Promise<void>;
}

const NAMES: Readonly<Record<string, string>> = {
  Q: 'Query',
  P: 'Parse',
  B: 'Bind',
  E: 'Execute',
  S: 'Sync',
  D: 'Describe',
};

/** A proxy in front of a database that reads PostgreSQL's protocol along (version 3, without TLS). */
export async function tapWire(databaseUrl: string): Promise<WireTap> {
  const target = new URL(databaseUrl);
  let trips: string[][] | undefined;
  let isNewTrip = true;
  const sockets = new Set<Socket>();
  const server: Server = createServer(client => {
    const upstream = connect(Number(target.port || 5432), target.hostname);
    const reader = new MessageReader();
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    }
    client.on('data', chunk => {
      for (const message of reader.read(chunk)) {
        if (isNewTrip) trips?.push([]);
        isNewTrip = false;
        trips?.at(-1)!.push(message);
      }
      upstream.write(chunk);
    });
    upstream.on('data', chunk => {
      isNewTrip = true;
      client.write(chunk);
    });
    client.on('end', () => upstream.end());
    upstream.on('end', () => client.end());
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${(server.address() as { port: number }).port}`;
  return {
    url: String(url),
    async during(fn) {
      const seen: string[][] = [];
      [trips, isNewTrip] = [seen, true];
      try {
        await fn();
      } finally {
        trips = undefined;
      }
      return seen;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

/** Messages are a letter, a length and a body; only the first one has no letter. */
class MessageReader {
  #rest: Buffer = Buffer.alloc(0);
  #isStartup = true;

  *read(chunk: Buffer): Generator<string> {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const header = this.#isStartup ? 0 : 1;
      if (this.#rest.length < header + 4) return;
      const length = this.#rest.readUInt32BE(header) + header;
      if (this.#rest.length < length) return;
      const message = this.#rest.subarray(0, length);
      this.#rest = this.#rest.subarray(length);
      if (!this.#isStartup) yield describeMessage(message);
      this.#isStartup = false;
    }
  }
}

function describeMessage(message: Buffer): string {
  const type = String.fromCharCode(message[0]!);
  const name = NAMES[type] ?? type;
  if (type === 'Q') return `${name} ${firstWord(message.toString('utf8', 5, 60))}`;
  if (type !== 'P') return name;
  const text = message.subarray(message.indexOf(0, 5) + 1);
  return `${name} ${firstWord(text.toString('utf8', 0, 60))}`;
}

function firstWord(sql: string): string {
  return /^\s*(\w+)/.exec(sql)?.[1]?.toLowerCase() ?? '';
}
