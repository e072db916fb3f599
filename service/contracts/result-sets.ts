import { z } from 'zod';

const cellSchema = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** What one statement returned. A program can write what it likes here: it is checked for its shape, not its truth. */
export const resultSetSchema = z
  .strictObject({
    statement: z.int().describe('Its number among the statements of the script, from 1'),
    file: z.string(),
    line: z.int().describe('Where the statement starts'),
    command: z.string().describe('For example "SELECT 3"'),
    columns: z.array(z.strictObject({ name: z.string(), type: z.string() })),
    rows: z.array(z.array(cellSchema)).describe('Numbers that JSON cannot hold exactly are strings'),
    rowCount: z.int(),
  })
  .meta({ id: 'ResultSet' });
export const resultSetsSchema = z.array(resultSetSchema);
