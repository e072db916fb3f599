fn main() {
    println!("before");
    let numbers: Vec<i32> = Vec::new();
    println!("{}", numbers[numbers.len()]);
}
