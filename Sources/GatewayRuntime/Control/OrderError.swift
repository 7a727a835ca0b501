/// Why an order of an administrator is not carried out. One line for people.
struct OrderError: Error, Hashable, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
