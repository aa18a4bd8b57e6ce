# placeholder until the demo's rules land
