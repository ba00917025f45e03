"""Operations: store dead letters, find lost uploads, replay messages."""
