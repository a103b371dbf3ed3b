import { TransactionLog } from '../../libs/mikro-orm/src/write/transaction-log.js';

const draft = (name: string) => ({ type: name }) as never;
const names = (log: TransactionLog) => log.drafts.map(({ type }) => type).join('');
const written = { revision: 1, firstDelta: 1, lastDelta: 2, isEmpty: false, isFinal: false };

function add(log: TransactionLog, letters: string): void {
  log.add(letters.split('').map(draft), undefined);
}

describe('the log of a transaction', () => {
  it('lets go of what is written for good, and goes on after it', () => {
    const log = new TransactionLog({});
    add(log, 'abc');
    log.wroteEarly({ ...written, drafts: log.end });
    log.letGo();
    expect([names(log), log.isPending, log.earlyWrite?.isFinal]).toEqual(['', false, true]);
    add(log, 'd');
    expect([names(log), log.isPending]).toEqual(['d', true]);
    log.wroteEarly({ ...written, drafts: log.end });
    expect([log.isPending, log.earlyWrite?.isFinal]).toEqual([false, false]);
  });

  it('keeps what is not written yet', () => {
    const log = new TransactionLog({});
    add(log, 'abc');
    log.letGo();
    expect(names(log)).toBe('abc');
    log.wroteEarly({ ...written, drafts: log.end });
    add(log, 'd');
    log.letGo();
    expect(names(log)).toBe('abcd');
  });

  it('brings back what came before a savepoint, if that is rolled back', () => {
    const log = new TransactionLog({});
    const savepoint = {};
    add(log, 'abc');
    log.markSavepoint(savepoint);
    add(log, 'de');
    log.wroteEarly({ ...written, drafts: log.end });
    log.letGo();
    add(log, 'f');
    log.rollBackTo(savepoint);
    expect([names(log), log.isPending, log.earlyWrite]).toEqual(['abc', true, undefined]);
  });

  it('brings back only what was still to be written then', () => {
    const log = new TransactionLog({});
    const [outer, inner] = [{}, {}];
    add(log, 'ab');
    log.markSavepoint(outer);
    log.wroteEarly({ ...written, drafts: log.end });
    log.letGo();
    add(log, 'cd');
    log.markSavepoint(inner);
    add(log, 'e');
    log.wroteEarly({ ...written, drafts: log.end });
    log.letGo();
    add(log, 'f');
    log.rollBackTo(inner);
    expect([names(log), log.isPending]).toEqual(['cd', true]);
    add(log, 'g');
    log.rollBackTo(outer);
    expect([names(log), log.isPending]).toEqual(['ab', true]);
  });

  it('forgets what came after a savepoint within one stretch', () => {
    const log = new TransactionLog({});
    const savepoint = {};
    add(log, 'ab');
    log.wroteEarly({ ...written, drafts: log.end });
    log.letGo();
    add(log, 'c');
    log.markSavepoint(savepoint);
    add(log, 'de');
    log.rollBackTo(savepoint);
    expect([names(log), log.isPending]).toEqual(['c', true]);
  });
});
