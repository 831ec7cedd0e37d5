"""From a document to its pages: pictures and PDFs opened page by page."""
