// What the history's thread and the main thread say to each other. Answers come in the order of the questions.
import type {
  ExportedRow,
  HistoryTable,
  PlatformHistory,
  SavingsReport,
  StoredEvent,
  StoredEventsQuery,
} from '../platform/history.ts';
import type { HistoryRow } from './history-rows.ts';
import type { SavingsSettings } from './savings-query.ts';

/** What the thread is started with. */
export interface EngineSettings {
  /** Of the file. Its folder is made where it is missing. */
  readonly path: string;
  readonly version: string;
  readonly startMs: number;
  readonly keepMs: number;
  readonly maxBytes: number;
  readonly savings: SavingsSettings;
}

export type Question =
  | {
      readonly kind: 'platform';
      readonly name: string;
      readonly fromMs: number;
      readonly toMs: number;
      readonly points: number;
    }
  | { readonly kind: 'savings'; readonly fromMs: number; readonly toMs: number; readonly nowMs: number }
  | { readonly kind: 'events'; readonly query: StoredEventsQuery }
  | {
      readonly kind: 'rows';
      readonly table: HistoryTable;
      readonly range: { readonly fromMs: number; readonly toMs: number };
      readonly page: { readonly afterSeq: number; readonly limit: number };
    };

export interface AnswerOf {
  readonly platform: PlatformHistory;
  readonly savings: SavingsReport;
  readonly events: readonly StoredEvent[];
  readonly rows: readonly ExportedRow[];
}

export type ToEngine =
  /** All of them or none; `seenMs`: until then nothing is missing. */
  | { readonly kind: 'write'; readonly rows: readonly HistoryRow[]; readonly seenMs: number }
  | { readonly kind: 'ask'; readonly id: number; readonly question: Question }
  /** The platforms, or what they draw, have changed. */
  | { readonly kind: 'follow'; readonly savings: SavingsSettings }
  | { readonly kind: 'close' };

export type FromEngine =
  /** `setAside`: the file that was there could not be read, and why. */
  | { readonly kind: 'opened'; readonly setAside: { readonly why: string; readonly path: string } | null }
  /** It is tried again by itself. */
  | { readonly kind: 'waiting'; readonly why: string }
  /** It is not tried again. */
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'written'; readonly fileBytes: number }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: AnswerOf[keyof AnswerOf] }
  | { readonly kind: 'noAnswer'; readonly id: number; readonly why: string }
  | { readonly kind: 'closed' };
