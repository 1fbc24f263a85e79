// The OpenAPI document of the API, made of the table of routes that also serves it.
import { z } from 'zod';
import { problem } from './answers.ts';
import { PROBLEM_TYPE } from './problem.ts';
import type { Route } from './route.ts';

/** What each refusal means, wherever it may come. */
const REFUSALS: Readonly<Record<number, string>> = {
  400: 'The request cannot be understood',
  401: 'A token is needed, or is not known',
  403: 'The role does not reach, or the request comes from another site',
  404: 'No such platform, or no history is kept',
  409: 'Clients are active, or the platform is in no state for that',
  415: 'The body is no JSON',
  500: 'Torpor failed, or an order could not be written to disk',
  503: 'Too many readers of events, or the history cannot be read now',
};

type Json = Record<string, unknown>;

export function buildOpenApi(routes: readonly Route[], version: string): Json {
  const registry = z.registry<{ id: string }>();
  const schemas = routes.flatMap(({ doc }) =>
    Object.values(doc.answers).flatMap((answer) => (answer === null ? [] : [answer])),
  );
  for (const schema of [...schemas, problem]) collectNamed(schema, registry);
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.url.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeRoute(route) };
  }
  const { schemas: components } = z.toJSONSchema(registry, { ...SETTINGS, uri: (id) => `#/components/schemas/${id}` });
  return {
    openapi: '3.1.1',
    info: {
      title: 'Torpor',
      version,
      description: 'Lets virtual machine hosts sleep while their users are away, and does not hang up on those users.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://127.0.0.1:7070' }],
    paths,
    components: {
      schemas: withoutIds(components),
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'where api.tokensFile is set; torpor token add makes one',
        },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'torpor-ID',
          description: "the dashboard's; ID is of this run of this Torpor; over TLS __Host-torpor-ID",
        },
      },
    },
  };
}

/** Answers may grow: a reader must not refuse what it does not know. */
const SETTINGS = {
  target: 'draft-2020-12',
  override: ({ jsonSchema }: { jsonSchema: Json }) => {
    delete jsonSchema.additionalProperties;
  },
} as const;

function describeRoute({ method, url, role, doc }: Route): Json {
  const answers = Object.entries(doc.answers).map(([status, schema]) => [status, describeAnswer(schema, doc)]);
  const refusals = refusalsOf(method, url, role, doc.refusals ?? []).map((status) => [
    String(status),
    { description: REFUSALS[status], content: { [PROBLEM_TYPE]: { schema: refTo(problem) } } },
  ]);
  return {
    operationId: doc.id,
    summary: doc.summary,
    ...(role === 'open' ? { security: [] } : { security: [{ token: [] }, { session: [] }], 'x-torpor-role': role }),
    ...parametersOf(url, doc),
    ...(doc.body === undefined
      ? {}
      : { requestBody: { required: false, content: { 'application/json': { schema: inputOf(doc.body) } } } }),
    responses: Object.fromEntries([...answers, ...refusals]),
  };
}

function refusalsOf(method: Route['method'], url: string, role: Route['role'], more: readonly number[]): number[] {
  const always = role === 'open' ? [403] : [401, 403];
  const named = url.includes(':name') ? [404] : [];
  const changing = method === 'POST' ? [400, 415] : [];
  return [...new Set([...always, ...named, ...changing, ...more, 500])].sort((a, b) => a - b);
}

function describeAnswer(schema: z.ZodType | null, doc: Route['doc']): Json {
  if (schema === null) return { description: doc.summary };
  const also = doc.alsoAs === undefined ? {} : { [doc.alsoAs]: { schema: { type: 'string' } } };
  return {
    description: doc.summary,
    content: { [doc.media ?? 'application/json']: { schema: answerOf(schema) }, ...also },
  };
}

function answerOf(schema: z.ZodType): Json {
  return schema instanceof z.ZodArray ? { type: 'array', items: refTo(schema.element as z.ZodType) } : refTo(schema);
}

function refTo(schema: z.ZodType): Json {
  const id = schema.meta()?.id;
  return id === undefined ? inputOf(schema) : { $ref: `#/components/schemas/${id}` };
}

type QueryShape = { readonly properties?: Json; readonly required?: readonly string[] };

function parametersOf(url: string, { query }: Route['doc']): Json {
  const names = [...url.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const { properties = {}, required = [] } = query === undefined ? {} : (inputOf(query) as QueryShape);
  const queries = Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
  return names.length + queries.length === 0 ? {} : { parameters: [...names, ...queries] };
}

/** What a caller may send. */
function inputOf(schema: z.ZodType): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input' }) as Json;
  return json;
}

/** Named schemas, those within others too. */
function collectNamed(
  schema: z.ZodType,
  registry: { add(schema: z.ZodType, meta: { id: string }): unknown; has(schema: z.ZodType): boolean },
): void {
  const id = schema.meta()?.id;
  if (id !== undefined && !registry.has(schema)) registry.add(schema, { id });
  if (schema instanceof z.ZodArray) collectNamed(schema.element as z.ZodType, registry);
  if (schema instanceof z.ZodNullable) collectNamed(schema.unwrap() as z.ZodType, registry);
  if (schema instanceof z.ZodObject)
    for (const member of Object.values(schema.shape)) collectNamed(member as z.ZodType, registry);
}

function withoutIds(components: Record<string, unknown>): Json {
  const entries = Object.entries(components).map(([name, schema]) => {
    const { $schema: _schema, $id: _id, ...rest } = schema as Json;
    return [name, rest];
  });
  return Object.fromEntries(entries.sort(([a], [b]) => String(a).localeCompare(String(b))));
}
