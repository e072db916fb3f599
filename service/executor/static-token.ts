import { createHash, timingSafeEqual } from 'node:crypto';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Whether an Authorization header holds this one token, told in a time that says nothing about it. */
export const admitsToken = (token: string): ((authorization: string | undefined) => boolean) => {
  const expected = digest(`Bearer ${token}`);
  return (authorization) => timingSafeEqual(digest(authorization ?? ''), expected);
};
