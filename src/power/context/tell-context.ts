// How the parts around a sleep tell what they do: one line for people, which becomes an event.

/** note: worth knowing. context: progress. Must not throw. */
export type TellContext = (kind: 'note' | 'context', message: string) => void;
