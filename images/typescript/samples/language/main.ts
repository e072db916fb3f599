enum Colour {
  Red,
  Green = 5,
}

namespace Shapes {
  export const sides = 4;
}

interface Named {
  readonly name: string;
}

abstract class Animal implements Named {
  constructor(readonly name: string) {}
  abstract sound(): string;
}

class Dog extends Animal {
  sound(): string {
    return `${this.name} says woof`;
  }
}

const first = <T,>(items: readonly T[]): T | undefined => items[0];
const settings = { a: 1, b: 'x' } satisfies Record<string, unknown>;

console.log(Colour.Green, Colour[0], Shapes.sides);
console.log(new Dog('Rex').sound(), first([1, 2]), settings.b as string, first<string>([])!);
