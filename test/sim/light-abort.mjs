// AbortController for a simulated world, where thousands are made in each simulated day and hardly one is aborted: without the weak references and the event
// objects that Node's are made of. What of them the simulated code uses behaves alike: the same seed tells the same story with either.

class LightSignal {
  aborted = false;
  reason = undefined;
  /** @type {{ listener: () => void, once: boolean }[]} */
  #listeners = [];

  addEventListener(kind, listener, { once = false } = {}) {
    if (kind === 'abort' && !this.#listeners.some((other) => other.listener === listener))
      this.#listeners.push({ listener, once });
  }

  removeEventListener(kind, listener) {
    if (kind === 'abort') this.#listeners = this.#listeners.filter((other) => other.listener !== listener);
  }

  /** As an EventEmitter has it, for `getEventListeners` of node:events, which wants one or an EventTarget. */
  listeners(kind) {
    return kind === 'abort' ? this.#listeners.map(({ listener }) => listener) : [];
  }

  throwIfAborted() {
    if (this.aborted) throw this.reason;
  }

  abort(reason) {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (const { listener, once } of [...this.#listeners]) {
      if (once) this.removeEventListener('abort', listener);
      listener();
    }
  }
}

class LightController {
  signal = new LightSignal();

  abort(reason = new Error('This operation was aborted')) {
    this.signal.abort(reason);
  }
}

export function useLightAbort() {
  globalThis.AbortController = LightController;
}
