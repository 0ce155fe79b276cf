package resource

// RememberAtMost makes s remember twice n yeses of the provider at most.
func (s *Server) RememberAtMost(n int) { s.confirmed.half = n }

// Remembered is how many it remembers.
func (s *Server) Remembered() int {
	s.confirmed.mu.Lock()
	defer s.confirmed.mu.Unlock()
	return len(s.confirmed.recent) + len(s.confirmed.older)
}
