// The route of Prometheus.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { RequestRefused } from './problem.ts';
import type { Route, RouteContext } from './route.ts';

export const METRICS_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    url: '/metrics',
    role: 'view',
    looksAt: 'own',
    doc: {
      id: 'metrics',
      summary: 'Metrics in the text format of Prometheus',
      answers: { 200: z.string() },
      media: 'text/plain',
      refusals: [404],
    },
    answer: answerMetrics,
  },
];

/** The text format of Prometheus, version 0.0.4. */
async function answerMetrics(
  { metrics }: RouteContext,
  _request: FastifyRequest,
  reply: FastifyReply,
): Promise<string> {
  if (metrics === null) throw new RequestRefused(404, 'No metrics', 'this Torpor keeps none');
  void reply.type(metrics.contentType);
  return metrics.render();
}
