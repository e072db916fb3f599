import { z } from 'zod';
import { childJobSchema, evaluationSchema, jobPlanSchema, jobSchema } from './answers.ts';
import type { Ask } from './ask.ts';
import { type NomadHttp, pathOf, readAnswer } from './http.ts';
import type { NomadJobs } from './port.ts';

const registeredSchema = z.object({ JobModifyIndex: z.number(), Warnings: z.string().default('') });
const dispatchedSchema = z.object({
  DispatchedJobID: z.string().min(1),
  EvalID: z.string().default(''),
  Index: z.number(),
});

/** https://developer.hashicorp.com/nomad/api-docs/jobs */
export const createJobs = (http: NomadHttp): NomadJobs => ({
  async get(id) {
    const ask = { method: 'GET', path: pathOf('job', id), accept: [404], needs: 'read-job' } as const;
    const { status, text } = await http.send(ask);
    return status === 404 ? undefined : readAnswer(ask, text, jobSchema);
  },

  async register(job, enforceIndex) {
    const ask: Ask = {
      method: 'PUT',
      path: pathOf('jobs'),
      body: {
        Job: job,
        ...(enforceIndex !== undefined && { EnforceIndex: true, JobModifyIndex: enforceIndex }),
      },
      needs: 'submit-job or register-job',
    };
    const { JobModifyIndex, Warnings } = readAnswer(ask, (await http.send(ask)).text, registeredSchema);
    return { modifyIndex: JobModifyIndex, warnings: Warnings };
  },

  async plan(job) {
    const ask: Ask = {
      method: 'POST',
      path: pathOf('job', job.ID, 'plan'),
      body: { Job: job, Diff: true },
      needs: 'submit-job or plan-job',
    };
    return readAnswer(ask, (await http.send(ask)).text, jobPlanSchema);
  },

  async dispatch(id, { payload, idempotencyToken, idPrefix }) {
    const ask: Ask = {
      method: 'POST',
      path: pathOf('job', id, 'dispatch'),
      ...(idempotencyToken && { query: { idempotency_token: idempotencyToken } }),
      body: {
        Payload: Buffer.from(payload, 'utf8').toString('base64'),
        ...(idPrefix && { IdPrefixTemplate: idPrefix }),
      },
      needs: 'dispatch-job',
    };
    const { DispatchedJobID, EvalID, Index } = readAnswer(ask, (await http.send(ask)).text, dispatchedSchema);
    return { jobId: DispatchedJobID, evalId: EvalID, index: Index };
  },

  async deregister(id, { purge = false } = {}) {
    await http.send({
      method: 'DELETE',
      path: pathOf('job', id),
      query: { purge: String(purge) },
      accept: [404],
      needs: purge ? 'submit-job, or deregister-job and purge-job' : 'submit-job or deregister-job',
    });
  },

  async list(prefix) {
    const ask: Ask = { method: 'GET', path: pathOf('jobs'), query: { prefix }, needs: 'list-jobs' };
    const { text, index } = await http.send(ask);
    return { jobs: readAnswer(ask, text, z.array(childJobSchema)), index };
  },

  async evaluations(id) {
    const ask: Ask = { method: 'GET', path: pathOf('job', id, 'evaluations'), needs: 'read-job' };
    return readAnswer(ask, (await http.send(ask)).text, z.array(evaluationSchema));
  },
});
