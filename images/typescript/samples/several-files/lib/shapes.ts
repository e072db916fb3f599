export type Square = { side: number };
export const area = ({ side }: Square): number => side ** 2;
