export const double = (x: number): number => x * 2;
