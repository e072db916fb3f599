package paddock;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jdk.internal.access.SharedSecrets;

/** The word to go, as the executor sends it on descriptor 3. */
final class Go {
  final String entry;
  final String[] arguments;
  /** Null where the program was started without waiting and its environment is right already. */
  final Map<String, String> environment;

  Go(String entry, String[] arguments, Map<String, String> environment) {
    this.entry = entry;
    this.arguments = arguments;
    this.environment = environment;
  }

  /** Says that this process is ready, and waits. */
  static Go await() throws IOException {
    FileDescriptor descriptor = new FileDescriptor();
    SharedSecrets.getJavaIOFileDescriptorAccess().set(descriptor, 3);
    FileInputStream in = new FileInputStream(descriptor);
    new FileOutputStream(descriptor).write('R');
    int length = ByteBuffer.wrap(exactly(in, 4)).order(ByteOrder.LITTLE_ENDIAN).getInt();
    byte[] message = exactly(in, length);
    in.close();
    return parse(message);
  }

  static Go parse(byte[] message) {
    List<String> parts = new ArrayList<>();
    for (int start = 0, at = 0; at < message.length; at++) {
      if (message[at] == 0) {
        parts.add(new String(message, start, at - start, StandardCharsets.UTF_8));
        start = at + 1;
      }
    }
    int count = Integer.parseInt(parts.get(1));
    Map<String, String> environment = new LinkedHashMap<>();
    for (String pair : parts.subList(2 + count, parts.size())) {
      int equals = pair.indexOf('=');
      environment.put(pair.substring(0, equals), pair.substring(equals + 1));
    }
    return new Go(parts.get(0), parts.subList(2, 2 + count).toArray(new String[0]), environment);
  }

  private static byte[] exactly(FileInputStream in, int size) throws IOException {
    byte[] data = new byte[size];
    for (int at = 0; at < size; ) {
      int got = in.read(data, at, size - at);
      // The executor is gone, or needs this sandbox no more.
      if (got < 0) Runtime.getRuntime().halt(0);
      at += got;
    }
    return data;
  }
}
