import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { problemSchema } from '../../contracts/errors.ts';

/** The error answers of a route, for its documentation. */
export const problemResponses = (...statuses: number[]): Record<number, object> =>
  Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: 'A problem', content: { 'application/problem+json': { schema: problemSchema } } },
    ]),
  );

export const jsonResponse = (description: string, schema: object): object => ({
  description,
  content: { 'application/json': { schema } },
});

/**
 * The reference, made when it is first asked for: what makes it costs more memory than the service that it describes.
 * @param addRoutes adds the routes to be described to another app; none of them is called there
 */
export const documentationRoutes = (
  app: FastifyInstance,
  version: string,
  addRoutes: (app: FastifyInstance) => void,
): void => {
  let made: Promise<FastifyInstance> | undefined;
  const make = async (): Promise<FastifyInstance> => {
    const { createDocumentation } = await import('./documentation-app.ts');
    return createDocumentation(version, addRoutes);
  };
  const forward = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    made ??= make();
    const answer = await (await made).inject({ method: 'GET', url: request.url });
    return reply.code(answer.statusCode).headers(answer.headers).serializer(String).send(answer.rawPayload);
  };
  for (const url of ['/openapi.json', '/docs', '/docs/*']) app.get(url, { schema: { hide: true } }, forward);
  app.addHook('onClose', async () => (await made)?.close());
};
