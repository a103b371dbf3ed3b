import { change, newCustomer } from './customer.mjs';
import { milliseconds } from './sampling.mjs';

const keyframeEvery = 8;

/** What every entrant is asked to do, the same for all of them. Each step returns the milliseconds of `em.flush()`. */
export class CustomerWork {
  #entrant;
  #counter;
  #ids;
  #disposable = [];
  #aroundFlush;

  /**
   * `ids` and `counter` carry on where the work of another entrant on the same database has been; `aroundFlush` is
   * called with each flush.
   */
  constructor(entrant, { ids = [], counter = 0, aroundFlush = flush => flush() } = {}) {
    this.#entrant = entrant;
    this.#ids = ids;
    this.#counter = counter;
    this.#aroundFlush = aroundFlush;
  }

  get seededIds() {
    return this.#ids;
  }

  /**
   * Inserts the customers that updates then take in turn, and gives them histories of 1 to 8 deltas: in each later flush
   * one object in eight is due for a keyframe, as in a database that has been in use for long.
   */
  async seed(rows) {
    await this.insert(rows);
    this.#ids = this.#disposable.splice(-rows);
    for (let round = 1; round < keyframeEvery; round++) {
      await this.#update(this.#ids.filter((_, i) => i % keyframeEvery >= round));
    }
  }

  insert(rows) {
    return this.#entrant.within(async () => {
      const em = this.#entrant.orm.em.fork();
      const customers = Array.from({ length: rows }, () =>
        em.create(this.#entrant.Customer, newCustomer(++this.#counter), { persist: true }),
      );
      const ms = await this.#flush(em);
      this.#disposable.push(...customers.map(customer => customer.id));
      return ms;
    });
  }

  update(rows) {
    const ids = Array.from({ length: rows }, (_, i) => this.#ids[(this.#counter + i) % this.#ids.length]);
    return this.#update(ids);
  }

  #update(ids) {
    return this.#entrant.within(async () => {
      const em = this.#entrant.orm.em.fork();
      const customers = await em.find(this.#entrant.Customer, { id: { $in: ids } });
      for (const customer of customers) change(customer, ++this.#counter);
      return this.#flush(em);
    });
  }

  /** Deletes what `insert` made. */
  delete(rows) {
    return this.#entrant.within(async () => {
      const em = this.#entrant.orm.em.fork();
      const customers = await em.find(this.#entrant.Customer, { id: { $in: this.#disposable.splice(0, rows) } });
      if (customers.length !== rows)
        throw new Error(`Only ${customers.length} of ${rows} customers are there to delete.`);
      for (const customer of customers) em.remove(customer);
      return this.#flush(em);
    });
  }

  #flush(em) {
    return milliseconds(() => this.#aroundFlush(() => em.flush()));
  }

  /** All that a request does, timed as a whole: its frame, loading, changing and flushing one object. */
  request() {
    const id = this.#ids[++this.#counter % this.#ids.length];
    return milliseconds(() =>
      this.#entrant.within(async () => {
        const em = this.#entrant.orm.em.fork();
        change(await em.findOneOrFail(this.#entrant.Customer, id), this.#counter);
        await em.flush();
      }),
    );
  }
}
