// Guards taken out of the shipped code, one at a time, to see that the simulation finds it: a file of src/, a text that is in it once, and what takes its place.
// `torpors`: how many must share the platforms for it to matter.

/** @type {Record<string, { what: string, torpors?: number, changes: { file: string, from: string, to: string }[] }>} */
export const MUTATIONS = {
  'abort-in-saving': {
    what: 'activity between the abort window and the press calls nothing off',
    changes: [
      {
        file: 'platform/machine/saving.ts',
        from: 'if (blocker !== undefined) return abortSaving(turn, blocker.why, nowMs);',
        to: 'void blocker;',
      },
      {
        file: 'platform/machine/absorb.ts',
        from: "const stops = model.state === 'saving' && !forced;",
        to: 'const stops = false;',
      },
      {
        file: 'platform/machine/absorb.ts',
        from: 'if (blocker !== undefined) return abortSaving(turn, blocker.why, nowMs);',
        to: 'void blocker;',
      },
    ],
  },
  'look-before-press': {
    what: 'the guards are not looked at once more when the intent is on disk',
    changes: [
      {
        file: 'platform/machine/absorb.ts',
        from: 'if (blocker !== undefined) return abortSaving(turn, blocker.why, nowMs);',
        to: 'void blocker;',
      },
    ],
  },
  'abort-in-suspending': {
    what: 'who comes back while it suspends waits until the sleep is certain',
    changes: [
      {
        file: 'platform/machine/suspending.ts',
        from: 'if (model.wakeWanted !== null && mayWake(model) && (powerSleeps || silent)) {',
        to: 'if (false) {',
      },
    ],
  },
  'two-witnesses-power': {
    what: 'the BMC alone makes a sleeper',
    changes: [
      {
        file: 'platform/evidence.ts',
        from: "if (answers) return { verdict: 'awake', weak: false, power, text };",
        to: "if (answers && power !== 'sleeping') return { verdict: 'awake', weak: false, power, text };",
      },
      { file: 'platform/evidence.ts', from: '(!hasProbes || silentMs >= SILENCE_MS)', to: 'true' },
    ],
  },
  'two-witnesses-silence': {
    what: 'silent VMs alone make a sleeper',
    changes: [
      {
        file: 'platform/evidence.ts',
        from: "if (power === 'running') return",
        to: "if (power === 'running' && silentMs < SILENCE_MS) return",
      },
      {
        file: 'platform/evidence.ts',
        from: 'if (!hasPowerWitness(model.policy) && silentMs >= WEAK_SILENCE_MS)',
        to: 'if (silentMs >= SILENCE_MS)',
      },
    ],
  },
  'hold-order': {
    what: 'streams are held after the send queues were looked at, not before',
    changes: [
      {
        file: 'platform/machine/saving.ts',
        from: 'const draining = patch(hold(turn), {',
        to: 'const draining = patch(turn, {',
      },
    ],
  },
  'journal-before-deed': {
    what: 'the press does not wait until its intent is on disk',
    changes: [
      {
        file: 'controller/platform-controller.ts',
        from: "      written,\n      () => ({ kind: 'journalled'",
        to: "      Promise.resolve(),\n      () => ({ kind: 'journalled'",
      },
    ],
  },
  'press-after-restart': {
    what: 'a sleep that was under way when Torpor died is asked for once more',
    changes: [
      {
        file: 'platform/machine/starting.ts',
        from: 'return toSuspending(turn, false,',
        to: 'return toSuspending(turn, true,',
      },
    ],
  },
  'suspend-back-off': {
    what: 'a suspend that failed is tried again at once',
    changes: [
      {
        file: 'platform/machine/moves.ts',
        from: 'return blockFor(counted, backOffMs,',
        to: 'if (nowMs > 0) return counted;\n  return blockFor(counted, backOffMs,',
      },
    ],
  },
  'bmc-guard': {
    what: 'a BMC that does not answer, or long ago, keeps nothing awake',
    changes: [
      { file: 'platform/idle-policy.ts', from: 'addBmcBlockers(model, nowMs, add);', to: 'void addBmcBlockers;' },
    ],
  },
  'held-byte-lost': {
    what: 'the first byte of what is held is lost where its VM has heard of the stream before',
    changes: [
      {
        file: 'streams/stream.ts',
        from: 'hold.push(chunk.length < HOLD_BLOCK_BYTES ? chunk : Buffer.from(chunk));',
        to: 'hold.push(Buffer.from(this.#predatesHold ? chunk.subarray(1) : chunk));',
      },
    ],
  },
  'press-fence': {
    what: 'nothing is asked before the packet that presses: a Torpor whose ownership is over presses all the same',
    torpors: 3,
    changes: [
      {
        file: 'power/press-fence.ts',
        from: 'return whyNot === null ? null : {',
        to: 'return whyNot !== undefined ? null : {',
      },
    ],
  },
  'ownership-fence': {
    what: 'the fence asks for the machine only, not whether the ownership is over',
    torpors: 3,
    changes: [
      {
        file: 'controller/platform-controller.ts',
        from: 'return this.#options.share?.mayPress() === false ? ',
        to: 'return this.#options.share === null ? ',
      },
    ],
  },
  'compare-and-set': {
    what: 'the store writes whatever the revision is',
    torpors: 3,
    changes: [
      {
        file: 'farm/memory-store.ts',
        from: 'if ((this.entry(key)?.revision ?? 0) !== expected) return null;',
        to: 'void expected;',
      },
    ],
  },
  'agreement-of-all': {
    what: 'the owner commits without the answers of the others',
    torpors: 3,
    changes: [
      {
        file: 'farm/platform-member.ts',
        from: 'if (this.#isHeard && missingAgreement(record, view.isLive) === null) {',
        to: 'if (this.#isHeard) {',
      },
      {
        file: 'farm/platform-record.ts',
        from: 'const missing = missingAgreement(record, isLive);\n  return missing',
        to: 'const missing = null;\n  return missing',
      },
    ],
  },
  'lease-to-its-end': {
    what: 'the others end a lease at the first sign of silence',
    torpors: 3,
    changes: [
      {
        file: 'farm/presence.ts',
        from: 'Math.max(seenMs, since) <= leaseMs) continue;',
        to: 'Math.max(seenMs, since) <= 0.3 * leaseMs) continue;',
      },
    ],
  },
};
