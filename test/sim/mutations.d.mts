// The shape of mutations.mjs, which a loader of modules reads before there is TypeScript.
interface Mutation {
  readonly what: string;
  readonly changes: readonly { readonly file: string; readonly from: string; readonly to: string }[];
}

export const MUTATIONS: Readonly<Record<string, Mutation>>;
