use std::io::{self, Read};

fn main() {
    let mut input = String::new();
    io::stdin().read_to_string(&mut input).unwrap();
    let sum: i32 = input.split_whitespace().map(|word| word.parse::<i32>().unwrap()).sum();
    println!("{sum}");
    println!("{:?}", std::env::args().skip(1).collect::<Vec<_>>());
}
