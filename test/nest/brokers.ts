import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ClientOptions,
  ClientProxyFactory,
  type MqttOptions,
  type NatsOptions,
  type RedisOptions,
  type RmqOptions,
  type TcpOptions,
  Transport,
} from '@nestjs/microservices';
import { pattern } from './tag-messages.js';

/** Of what sends messages one by one, by patterns. */
export type MessageOptions = TcpOptions | NatsOptions | RmqOptions | MqttOptions | RedisOptions;

/** A message broker that may be there, and how Nest connects to it. */
export interface Broker {
  readonly name: string;
  readonly options: MessageOptions;
  readonly isThere: boolean;
}

/** The variable names the broker; without one, it is the usual port of this machine. */
const BROKERS: readonly [name: string, variable: string, url: string, options: (url: URL) => MessageOptions][] = [
  [
    'NATS',
    'NATS_URL',
    'nats://127.0.0.1:4222',
    ({ host }) => ({ transport: Transport.NATS, options: { servers: [host] } }),
  ],
  [
    'RabbitMQ',
    'RABBITMQ_URL',
    'amqp://guest:guest@127.0.0.1:5672',
    ({ href }) => {
      const queueOptions = { durable: false, autoDelete: true };
      return { transport: Transport.RMQ, options: { urls: [href], queue: pattern('queue'), queueOptions } };
    },
  ],
  ['MQTT', 'MQTT_URL', 'mqtt://127.0.0.1:1883', ({ href }) => ({ transport: Transport.MQTT, options: { url: href } })],
  [
    'Redis',
    'REDIS_URL',
    'redis://127.0.0.1:6379',
    ({ hostname, port }) => ({ transport: Transport.REDIS, options: { host: hostname, port: Number(port || 6379) } }),
  ],
];

/** All of them, each with whether it lets us in where it is expected. */
export async function findBrokers(): Promise<Broker[]> {
  return Promise.all(
    BROKERS.map(async ([name, variable, url, optionsOf]) => {
      const address = new URL(process.env[variable] ?? url);
      const options = optionsOf(address);
      return { name, options, isThere: (await listens(address)) && (await letsIn(options)) };
    }),
  );
}

async function letsIn(options: MessageOptions): Promise<boolean> {
  const client = ClientProxyFactory.create(options as ClientOptions);
  const tooLate = sleep(3000, false, { ref: false });
  try {
    return await Promise.race([client.connect().then(() => true), tooLate]);
  } catch {
    return false;
  } finally {
    await client.close();
  }
}

function listens({ hostname, port }: URL): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: hostname, port: Number(port), timeout: 1000 });
    const end = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket
      .on('connect', () => end(true))
      .on('error', () => end(false))
      .on('timeout', () => end(false));
  });
}
