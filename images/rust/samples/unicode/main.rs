fn main() {
    let text = "世界🐎";
    println!("Grüße, {text} {}", text.chars().count());
}
