/** Messages reach the server in the order they were written: each is sent once the one before was taken, or refused. */
export class SendingOrder {
  #before: Promise<unknown> = Promise.resolve();

  /** Sends a message when all before it have got there. Raises what `send` raises. */
  next<T>(send: () => Promise<T>): Promise<T> {
    const sent = this.#before.then(send);
    this.#before = sent.catch(() => undefined);
    return sent;
  }

  /** Has later ones wait until what it answers is called; calling it again does nothing. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    void this.next(() => promise);
    return resolve;
  }
}
