mod shapes;
mod lib {
    pub mod greet;
}

fn main() {
    println!("{} {}", shapes::area(3), lib::greet::greet());
}
