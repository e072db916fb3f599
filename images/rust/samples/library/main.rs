use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::fmt;
use std::sync::{mpsc, Arc, Mutex};
use std::thread;

#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Circle { radius: f64 },
    Square(f64),
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Shape::Circle { radius } => write!(f, "circle {radius:.1}"),
            Shape::Square(side) => write!(f, "square {side:.1}"),
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{} {} {:?}", Shape::Circle { radius: 1.0 }, Shape::Square(2.0), Shape::Square(3.0));
    let mut counts = BTreeMap::new();
    for word in "b a b".split(' ') {
        *counts.entry(word).or_insert(0) += 1;
    }
    println!("{counts:?}");
    let evens: Vec<_> = (1..=10).filter(|n| n % 2 == 0).map(|n| n * n).collect();
    println!("{evens:?} {:?}", BinaryHeap::from(vec![1, 5, 2]).pop());
    let total = Arc::new(Mutex::new(0));
    let (sender, receiver) = mpsc::channel();
    let threads: Vec<_> = (0..4)
        .map(|n| {
            let (total, sender) = (Arc::clone(&total), sender.clone());
            thread::spawn(move || {
                *total.lock().unwrap() += n;
                sender.send(n).unwrap();
            })
        })
        .collect();
    drop(sender);
    for thread in threads {
        thread.join().unwrap();
    }
    println!("{} {}", total.lock().unwrap(), receiver.iter().count());
    let map: HashMap<&str, i32> = HashMap::from([("x", 1)]);
    println!("{} {:?}", map["x"], "12".parse::<i32>()?);
    Ok(())
}
