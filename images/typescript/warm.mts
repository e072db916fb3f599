enum Kind {
  One,
}
const kind: Kind = Kind.One;
export default kind;
