// A TCP proxy that delays each direction, as a network would, and counts what the client says.
// It runs in a thread of its own: its waiting must not hold up the client that it delays.
import { once } from 'node:events';
import net from 'node:net';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/**
 * @param {string} url of the server
 * @param {number} roundTripMs what a round trip costs more than without the proxy
 */
export async function startDelayingProxy(url, roundTripMs) {
  const target = new URL(url);
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { host: target.hostname, port: Number(target.port || 5432), oneWayMs: roundTripMs / 2 },
  });
  const [{ port }] = await once(worker, 'message');
  return {
    /** The same database, by way of the proxy. */
    through(databaseUrl) {
      const proxied = new URL(databaseUrl);
      proxied.hostname = '127.0.0.1';
      proxied.port = String(port);
      return String(proxied);
    },
    /** What the clients sent since the last call: statements, and how often one waited for the server. */
    async takeCounts() {
      worker.postMessage('counts');
      const [counts] = await once(worker, 'message');
      return counts;
    },
    stop: () => worker.terminate(),
  };
}

if (!isMainThread) serve(workerData);

function serve({ host, port, oneWayMs }) {
  const counts = { statements: 0, roundTrips: 0 };
  const delay = makeDelay(oneWayMs);
  const server = net.createServer({ noDelay: true }, client => {
    const upstream = net.connect({ host, port, noDelay: true });
    const seen = countStatements(counts);
    forward({ from: client, to: upstream, delay, seen: seen.fromClient });
    forward({ from: upstream, to: client, delay, seen: seen.fromServer });
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage({ port: server.address().port }));
  parentPort.on('message', () => {
    parentPort.postMessage({ ...counts });
    counts.statements = counts.roundTrips = 0;
  });
}

function forward({ from, to, delay, seen }) {
  from.on('data', chunk => {
    seen(chunk);
    delay(() => to.writable && to.write(chunk));
  });
  from.on('close', () => delay(() => to.end()));
  from.on('error', () => to.destroy());
}

/** Timers count in whole milliseconds, so this looks at the clock in each turn of the loop while anything waits. */
function makeDelay(ms) {
  const waiting = [];
  const look = () => {
    const now = performance.now();
    while (waiting.length > 0 && waiting[0].due <= now) waiting.shift().act();
    if (waiting.length > 0) setImmediate(look);
  };
  return act => {
    if (ms === 0) return act();
    waiting.push({ due: performance.now() + ms, act });
    if (waiting.length === 1) setImmediate(look);
  };
}

/** Query ("Q") and Execute ("E") messages; the first message of a connection has no type byte. */
function countStatements(counts) {
  let hasStarted = false;
  let rest = Buffer.alloc(0);
  let isServerTurn = false;
  return {
    fromServer: () => (isServerTurn = false),
    fromClient: chunk => {
      if (!isServerTurn) counts.roundTrips++;
      isServerTurn = true;
      rest = Buffer.concat([rest, chunk]);
      for (;;) {
        const header = hasStarted ? 1 : 0;
        if (rest.length < header + 4) return;
        const length = header + rest.readInt32BE(header);
        if (rest.length < length) return;
        if (hasStarted && (rest[0] === 0x51 || rest[0] === 0x45)) counts.statements++;
        hasStarted = true;
        rest = rest.subarray(length);
      }
    },
  };
}
