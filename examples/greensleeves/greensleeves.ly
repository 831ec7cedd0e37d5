% Greensleeves, English, 16th century, in the public domain. examples/make.py draws it.
\version "2.24.0"

\paper {
  indent = 0
  page-breaking = #ly:one-line-auto-height-breaking
  oddFooterMarkup = ##f
}

\relative c'' {
  \clef treble
  \key a \minor
  \time 6/8
  \partial 8 a8
  c4 d8 e8. fis16 e8
  d4 b8 g8. a16 b8
  c4 a8 a8. gis16 a8
  b4 gis8 e4 a8
  c4 d8 e8. fis16 e8
  d4 b8 g8. a16 b8
  c8. b16 a8 gis8. fis16 gis8
  a4. a4 \bar "|."
}
