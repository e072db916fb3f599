import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import fastify, { type FastifyInstance } from 'fastify';
import { fastifyZodOpenApiPlugin, fastifyZodOpenApiTransformers } from 'fastify-zod-openapi';

/** The reference page needs nothing from outside; its own code sets styles and draws images from data URLs. */
const pageSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** An app that only describes: the OpenAPI document and its page, from the very schemas that the service uses. */
export const createDocumentation = async (
  version: string,
  addRoutes: (app: FastifyInstance) => void,
): Promise<FastifyInstance> => {
  const app: FastifyInstance = fastify();
  app.setValidatorCompiler(() => (value: unknown) => ({ value }));
  app.setSerializerCompiler(() => JSON.stringify);
  await app.register(fastifyZodOpenApiPlugin);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Paddock',
        version,
        description: 'Runs other people’s code in sandboxes, fast enough to sit behind a button.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'Needed where service tokens are set' },
        },
      },
      security: [{}, { token: [] }],
      tags: [
        { name: 'executions', description: 'Run programs' },
        { name: 'service', description: 'What runs here, and how it is' },
        { name: 'compatibility', description: 'For clients of other services' },
      ],
    },
    ...fastifyZodOpenApiTransformers,
  });
  addRoutes(app);
  let document: string | undefined;
  app.get('/openapi.json', { schema: { hide: true } }, (_request, reply) => {
    document ??= JSON.stringify(app.swagger());
    return reply.header('content-type', 'application/json; charset=utf-8').serializer(String).send(document);
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: pageSecurityPolicy,
    uiConfig: {
      url: '/openapi.json',
      validatorUrl: null,
      tryItOutEnabled: true,
      defaultModelsExpandDepth: 0,
    },
    theme: { title: 'Paddock API' },
  });
  await app.ready();
  return app;
};
