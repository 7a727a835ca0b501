internal import Glibc

/// Texts as C takes a list of them: copies, and nil at the end.
@safe struct CStringList: ~Copyable {
    // unsafe: each is a copy made here, and freed by nobody else; who takes the list keeps this value for as long.
    /// Valid for as long as this value lives.
    let pointers: [UnsafeMutablePointer<CChar>?]

    /// Throws where there is no memory for one: a list cut short would be another one.
    init(_ texts: [String]) throws(SystemError) {
        let copies = unsafe texts.map { unsafe strdup($0) }
        guard unsafe copies.allSatisfy({ unsafe $0 != nil }) else {
            unsafe copies.forEach { unsafe free($0) }
            throw SystemError(ENOMEM, "copy words and variables")
        }
        unsafe pointers = copies + [nil]
    }

    deinit { unsafe pointers.forEach { unsafe free($0) } }
}
