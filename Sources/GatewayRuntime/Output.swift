internal import Glibc

/// Plain lines for whoever typed the command.
public enum Output {
    // unsafe: the bytes are those of `line` within withUTF8, and `rest` begins no further than write(2) has come.
    /// Writes a text and a newline.
    public static func write(_ text: String, to descriptor: Int32) {
        var line = text.hasSuffix("\n") ? text : text + "\n"
        line.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while unsafe !rest.isEmpty {
                let written = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
                if written == -1 && errno == EINTR { continue }
                guard written > 0 else { return }  // the reader is gone: nobody is left to be told
                unsafe rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
            }
        }
    }
}
